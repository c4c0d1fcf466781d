import { promisify } from 'node:util';
import { crc32, zstdCompress, zstdDecompressSync } from 'node:zlib';
import { corruptBatch } from '../errors.ts';

/**
 * How the cleaner stores a batch (see batch.ts) that it has rewritten. Little endian:
 *
 *     0  u32  bytes of the batch
 *     4  u8   format version (3; a batch that is not packed has 1 here)
 *     5  u32  CRC-32 of everything after it
 *     9       the batch with its checksum, a zstd frame
 *
 * The batch's own checksum does not cover the frame: a frame has bits that make no difference to what it unpacks to.
 * Format 2 has the frame at 5 and no checksum of it; logs of earlier releases keep such batches until they expire.
 *
 * Appended batches are not packed: they are small and read at once by the next task, and packing each would cost more than
 * writing it.
 */
const PACKED = 3;
const PACKED_UNCHECKED = 2;
const CHECKSUM_AT = 5;
const HEADER_BYTES = 9;

const compress = promisify(zstdCompress);

/** On a thread of libuv's pool. Returns the batch itself where packing would not make it smaller. */
export async function pack(batch: Uint8Array): Promise<Uint8Array> {
  const frame = await compress(batch);
  if (HEADER_BYTES + frame.length >= batch.length) return batch;
  const packed = new Uint8Array(HEADER_BYTES + frame.length);
  const view = new DataView(packed.buffer);
  view.setUint32(0, batch.length, true);
  packed[4] = PACKED;
  view.setUint32(CHECKSUM_AT, crc32(frame), true);
  packed.set(frame, HEADER_BYTES);
  return packed;
}

const isPacked = ({ 4: format }: Uint8Array) => format === PACKED || format === PACKED_UNCHECKED;

/** The size of the batch that unpack returns. */
export function unpackedLength(stored: Uint8Array): number {
  if (!isPacked(stored)) return stored.length;
  return new DataView(stored.buffer, stored.byteOffset).getUint32(0, true);
}

/** The batch, in memory of its own. `where` names it in FatalError MR_LOG_CORRUPT. */
export function unpack(stored: Uint8Array, where: () => string): Uint8Array {
  if (!isPacked(stored)) return stored;
  const length = unpackedLength(stored);
  const frame = frameOf(stored, where);
  try {
    const batch = zstdDecompressSync(frame, { maxOutputLength: length });
    // Copied, because zlib's buffers may share their memory with others and readers free a batch's memory.
    if (batch.length === length) return new Uint8Array(batch);
  } catch (error) {
    throw corruptBatch(where(), `it can't be unpacked: ${error instanceof Error ? error.message : error}`);
  }
  throw corruptBatch(where(), 'its packed length is wrong');
}

function frameOf(stored: Uint8Array, where: () => string): Uint8Array {
  if (stored[4] === PACKED_UNCHECKED) return stored.subarray(CHECKSUM_AT);
  const frame = stored.subarray(HEADER_BYTES);
  const checksum =
    stored.length < HEADER_BYTES
      ? undefined
      : new DataView(stored.buffer, stored.byteOffset).getUint32(CHECKSUM_AT, true);
  if (checksum !== crc32(frame)) throw corruptBatch(where(), 'the checksum of its packed form is wrong');
  return frame;
}
