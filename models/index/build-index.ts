import { invariant } from '#platform';
import { checkIds, countOf } from './checks.ts';
import { FlatIndex } from './flat-index.ts';
import { buildIvf, type IvfOptions } from './ivf/build.ts';
import type { IvfIndex } from './ivf/ivf-index.ts';
import type { IndexParts } from './parts.ts';
import type { VectorIndex } from './port.ts';
import { joinParts, LARGEST_SHARD, shardStart, shardsFor } from './shard-parts.ts';
import { ShardedIndex } from './sharded-index.ts';

/** Up to this many vectors, exact search takes a quarter of a millisecond, and lists would save little of an answer. */
const LARGEST_FLAT = 20_000;
/** Looking through a larger share of the lists takes longer than exact search. */
const LARGEST_SHARE = 0.4;

/** An index that can be put into a file. */
export type BuiltIndex = VectorIndex & { toParts(): IndexParts };

export type IndexOptions = Omit<IvfOptions, 'lists' | 'platform'> & {
  /** More vectors are searched by lists. */
  readonly largestFlat?: number;
  /** More vectors are searched as several indexes. */
  readonly largestShard?: number;
};

/**
 * Builds the index that suits the vectors, [count, dim]: exact for few vectors, and for those without clusters, where the
 * target recall would take most lists; several shards above a million. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, MR_INDEX_ID.
 */
export function buildIndex(vectors: Float32Array, dim: number, options: IndexOptions = {}): BuiltIndex {
  const { largestFlat = LARGEST_FLAT, largestShard = LARGEST_SHARD, metric, ids, ...others } = options;
  const count = countOf(vectors, dim);
  if (ids !== undefined) checkIds(ids, count);
  const slices = Array.from(
    { length: shardsFor(count, largestShard) },
    (_, shard, of = shardsFor(count, largestShard)) => {
      const [from, to] = [shardStart(shard, of, count), shardStart(shard + 1, of, count)];
      const own = ids?.subarray(from, to) ?? Int32Array.from({ length: to - from }, (_, i) => from + i);
      return {
        vectors: vectors.subarray(from * dim, to * dim),
        options: { ids: own, ...(metric && { metric }) },
      };
    },
  );
  if (count > largestFlat) {
    const byLists: IvfIndex[] = [];
    for (const slice of slices) {
      const index = buildIvf(slice.vectors, dim, { ...others, ...slice.options });
      if (index.calibration.nprobe > LARGEST_SHARE * index.lists) break;
      byLists.push(index);
    }
    if (byLists.length === slices.length) return asOne(byLists);
  }
  return asOne(slices.map((slice) => FlatIndex.build(slice.vectors, dim, slice.options)));
}

/** Several that can be put into one file. */
class BuiltShards extends ShardedIndex {
  readonly #built: readonly BuiltIndex[];

  constructor(shards: readonly [BuiltIndex, ...BuiltIndex[]]) {
    super(shards);
    this.#built = shards;
  }

  toParts(): IndexParts {
    return joinParts(this.#built.map((shard) => shard.toParts()));
  }
}

function asOne(shards: readonly BuiltIndex[]): BuiltIndex {
  const [first, ...rest] = shards;
  invariant(first !== undefined, 'there is a shard');
  return rest.length === 0 ? first : new BuiltShards([first, ...rest]);
}
