import { gunzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';
import { compressionsAlgorithms } from '@platformatic/kafka';

/** What a batch's records are compressed with, by the number that its attributes carry. */
const algorithms = ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const;
export type Compression = (typeof algorithms)[number];
/** Those that are written: the others are slower than lz4 or larger than zstd. */
export type WrittenCompression = 'none' | 'lz4' | 'zstd';

/** A body that claims more than this when unpacked is refused before it fills the memory. */
const MAX_BODY_BYTES = 2 ** 30;

export const compressionCode = (compression: Compression): number => algorithms.indexOf(compression);

export const compressionOf = (code: number): Compression | undefined => algorithms[code];

export function compress(compression: WrittenCompression, body: Buffer): Buffer {
  switch (compression) {
    case 'none':
      return body;
    case 'lz4':
      return compressionsAlgorithms.lz4.compressSync(body);
    case 'zstd':
      return zstdCompressSync(body);
  }
}

/** Throws whatever the library throws at bytes that are none of its kind; the input may be handed out as it is. */
export function decompress(compression: Compression, body: Buffer): Buffer {
  switch (compression) {
    case 'none':
      return body;
    case 'gzip':
      return gunzipSync(body, { maxOutputLength: MAX_BODY_BYTES });
    case 'snappy':
      return compressionsAlgorithms.snappy.decompressSync(body);
    case 'lz4':
      return compressionsAlgorithms.lz4.decompressSync(body);
    case 'zstd':
      return zstdDecompressSync(body, { maxOutputLength: MAX_BODY_BYTES });
  }
}
