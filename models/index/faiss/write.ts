import type { IndexParts } from '../parts.ts';
import type { Metric } from '../port.ts';
import { DIRECT_MAP, FLAT, IVF_FLAT, LIST_SIZES, LISTS_IN_ARRAYS, METRICS, UNUSED } from './format.ts';

/**
 * A file that `faiss.read_index` reads: an IndexIVFFlat that looks through as many lists as the index does, or a flat index.
 * FAISS numbers the vectors of a flat index from 0; where ids are others, it becomes an IndexIVFFlat of one list.
 */
export function writeFaiss(parts: IndexParts): Uint8Array {
  if (parts.centroids.length > 0) return Buffer.concat(ivf(parts, parts.calibration?.nprobe ?? 1));
  const { dim, metric, ids } = parts;
  const order = ids.map((_, at) => at).sort((a, b) => (ids[a] as number) - (ids[b] as number));
  if (order.some((at, id) => ids[at] !== id)) {
    return Buffer.concat(ivf({ ...parts, centroids: new Float32Array(dim) }, 1));
  }
  const vectors = new Float32Array(parts.vectors.length);
  order.forEach((at, id) => {
    vectors.set(parts.vectors.subarray(at * dim, (at + 1) * dim), id * dim);
  });
  return Buffer.concat(flat(metric, dim, vectors));
}

function flat(metric: Metric, dim: number, vectors: Float32Array): readonly Uint8Array[] {
  const header = headerOf(FLAT[metric], dim, vectors.length / dim, metric);
  return [header, uint64(vectors.length), bytesOf(vectors)];
}

function ivf(
  { dim, metric, centroids, listSizes, ids, vectors }: IndexParts,
  nprobe: number,
): readonly Uint8Array[] {
  const lists = listSizes.length;
  const pieces: Uint8Array[] = [
    headerOf(IVF_FLAT, dim, ids.length, metric),
    uint64(lists, nprobe),
    ...flat(metric, dim, centroids),
    Buffer.of(DIRECT_MAP.none),
    uint64(0),
    Buffer.from(LISTS_IN_ARRAYS),
    uint64(lists, dim * 4),
    Buffer.from(LIST_SIZES.all),
    uint64(lists),
    uint64s(listSizes),
  ];
  let at = 0;
  for (const size of listSizes) {
    pieces.push(bytesOf(vectors.subarray(at * dim, (at + size) * dim)), uint64s(ids.subarray(at, at + size)));
    at += size;
  }
  return pieces;
}

function headerOf(code: string, dim: number, size: number, metric: Metric): Buffer {
  const bytes = Buffer.alloc(37);
  bytes.write(code, 'latin1');
  bytes.writeInt32LE(dim, 4);
  bytes.writeBigInt64LE(BigInt(size), 8);
  bytes.writeBigInt64LE(UNUSED, 16);
  bytes.writeBigInt64LE(UNUSED, 24);
  bytes.writeUInt8(1, 32);
  bytes.writeInt32LE(METRICS.indexOf(metric), 33);
  return bytes;
}

function uint64(...values: readonly number[]): Uint8Array {
  return uint64s(values);
}

function uint64s(values: ArrayLike<number>): Uint8Array {
  return bytesOf(BigUint64Array.from(values, BigInt));
}

function bytesOf(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
