/** Several indexes as the parts of one, as files hold them, and apart again. */
import { invariant } from '#platform';
import type { IndexCalibration, IndexParts } from './parts.ts';

/** An index with more vectors is cut: building takes longer than in proportion, and its memory ends at 4 GiB. */
export const LARGEST_SHARD = 1_000_000;

/** How many shards this many vectors are cut into. */
export const shardsFor = (size: number, largest: number): number => Math.max(1, Math.ceil(size / largest));

/** Where a shard begins; the one after the last begins at `size`. */
export const shardStart = (shard: number, shards: number, size: number): number =>
  Math.floor((shard * size) / shards);

/** Joins shards that are all IVF or all flat, with distinct ids. */
export function joinParts(shards: readonly IndexParts[]): IndexParts {
  const [first] = shards;
  invariant(first !== undefined, 'there is a shard');
  const isFlat = first.centroids.length === 0;
  const ids = integers(shards.map((shard) => shard.ids));
  return {
    dim: first.dim,
    metric: first.metric,
    centroids: floats(shards.map(({ centroids }) => centroids)),
    listSizes: isFlat ? Int32Array.of(ids.length) : integers(shards.map(({ listSizes }) => listSizes)),
    ids,
    vectors: floats(shards.map(({ vectors }) => vectors)),
    ...(!isFlat && { calibration: joinCalibrations(shards) }),
  };
}

/** The shards that parts consist of: those that were joined, or for exact search as few as are not larger than `largest`. */
export function cutParts(parts: IndexParts, largest: number): readonly IndexParts[] {
  const { calibration, centroids, dim, ids } = parts;
  if (centroids.length === 0) {
    const count = shardsFor(ids.length, largest);
    return Array.from({ length: count }, (_, shard) => {
      const [from, to] = [shardStart(shard, count, ids.length), shardStart(shard + 1, count, ids.length)];
      return { ...rowsOf(parts, from, to), listSizes: Int32Array.of(to - from) };
    });
  }
  if (calibration?.shards === undefined) return [parts];
  let [list, row] = [0, 0];
  return calibration.shards.map(({ lists, calibration: own }) => {
    const listSizes = parts.listSizes.subarray(list, list + lists);
    const size = listSizes.reduce((sum, each) => sum + each, 0);
    const shard: IndexParts = {
      ...rowsOf(parts, row, row + size),
      centroids: centroids.subarray(list * dim, (list + lists) * dim),
      listSizes,
      calibration: own,
    };
    list += lists;
    row += size;
    return shard;
  });
}

function rowsOf(parts: IndexParts, from: number, to: number): IndexParts {
  const { dim, ids, vectors } = parts;
  return { ...parts, ids: ids.subarray(from, to), vectors: vectors.subarray(from * dim, to * dim) };
}

/** As of one index: it looks through the lists of all, and finds what they find. */
function joinCalibrations(parts: readonly IndexParts[]): IndexCalibration {
  const shards = parts.map(({ listSizes, calibration }) => {
    invariant(calibration !== undefined, 'a shard with lists was calibrated');
    return { lists: listSizes.length, calibration };
  });
  const size = parts.reduce((sum, { ids }) => sum + ids.length, 0);
  let [nprobe, recall] = [0, 0];
  for (const [i, { calibration }] of shards.entries()) {
    nprobe += calibration.nprobe;
    const own = calibration.curve.find((point) => point.nprobe === calibration.nprobe)?.recall ?? 0;
    recall += (own * (parts[i] as IndexParts).ids.length) / size;
  }
  const target = Math.min(...shards.map(({ calibration }) => calibration.target));
  return { nprobe, target, at: 100, curve: [{ nprobe, recall }], shards };
}

function integers(arrays: readonly Int32Array[]): Int32Array {
  const all = new Int32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}

function floats(arrays: readonly Float32Array[]): Float32Array {
  const all = new Float32Array(arrays.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const array of arrays) {
    all.set(array, at);
    at += array.length;
  }
  return all;
}
