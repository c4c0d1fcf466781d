import { promisify } from 'node:util';
import { zstdCompress, zstdDecompressSync } from 'node:zlib';
import { corruptBatch } from '../errors.ts';

/**
 * How the cleaner stores a batch (see batch.ts) that it has rewritten. Little endian:
 *
 *     0  u32  bytes of the batch
 *     4  u8   format version (2; a batch that is not packed has 1 here)
 *     5       the batch with its checksum, a zstd frame
 *
 * Appended batches are not packed: they are small and read at once by the next task, and packing each would cost more than
 * writing it.
 */
const PACKED = 2;
const HEADER_BYTES = 5;

const compress = promisify(zstdCompress);

/** On a thread of libuv's pool. Returns the batch itself where packing would not make it smaller. */
export async function pack(batch: Uint8Array): Promise<Uint8Array> {
  const frame = await compress(batch);
  if (HEADER_BYTES + frame.length >= batch.length) return batch;
  const packed = new Uint8Array(HEADER_BYTES + frame.length);
  new DataView(packed.buffer).setUint32(0, batch.length, true);
  packed[4] = PACKED;
  packed.set(frame, HEADER_BYTES);
  return packed;
}

/** The size of the batch that unpack returns. */
export function unpackedLength(stored: Uint8Array): number {
  if (stored[4] !== PACKED) return stored.length;
  return new DataView(stored.buffer, stored.byteOffset).getUint32(0, true);
}

/** The batch, in memory of its own. `where` names it in FatalError MR_LOG_CORRUPT. */
export function unpack(stored: Uint8Array, where: () => string): Uint8Array {
  if (stored[4] !== PACKED) return stored;
  const length = unpackedLength(stored);
  try {
    const batch = zstdDecompressSync(stored.subarray(HEADER_BYTES), { maxOutputLength: length });
    // Copied, because zlib's buffers may share their memory with others and readers free a batch's memory.
    if (batch.length === length) return new Uint8Array(batch);
  } catch (error) {
    throw corruptBatch(where(), `it can't be unpacked: ${error instanceof Error ? error.message : error}`);
  }
  throw corruptBatch(where(), 'its packed length is wrong');
}
