import { invariant } from '#platform';
import { readIndex } from './files/index-file.ts';
import { FlatIndex } from './flat-index.ts';
import { IvfIndex, type SentIvf } from './ivf/ivf-index.ts';
import { MaintainedIndex, type MaintenanceOptions } from './ivf/maintained-index.ts';
import type { VectorIndex } from './port.ts';
import { cutParts, LARGEST_SHARD } from './shard-parts.ts';
import { ShardedIndex } from './sharded-index.ts';
import type { SentLists } from './storage/block-lists.ts';

export type OpenOptions = MaintenanceOptions & {
  /** More vectors are searched as several indexes. */
  readonly largestShard?: number;
};

/** An opened index as another thread gets it. */
export type SentIndex = {
  readonly shards: readonly ({ readonly flat: SentLists } | { readonly ivf: SentIvf })[];
  /** As of `MaintenanceOptions`. */
  readonly queries: Float32Array | undefined;
};

/**
 * The index that a file holds, ready for changes: several as one where it was built so, or has more vectors than one may have and
 * no lists. Errors: InputError MR_INDEX_CORRUPT; MR_INDEX_VECTOR for numbers that searches can't compute with.
 */
export function openIndex(
  bytes: Uint8Array,
  { largestShard, ...maintenance }: OpenOptions = {},
): VectorIndex {
  return asOne(shardsIn(bytes, largestShard), maintenance);
}

/** Opens the index that a file holds for another thread, which `receiveIndex` gives it to: a second for a million vectors. */
export function openIndexToSend(bytes: Uint8Array, queries?: Float32Array): SentIndex {
  const shards = shardsIn(bytes).map((shard) =>
    shard instanceof FlatIndex ? { flat: shard.send() } : { ivf: shard.send() },
  );
  return { shards, queries };
}

/** The index that another thread has opened. */
export function receiveIndex(sent: SentIndex, options: MaintenanceOptions = {}): VectorIndex {
  const shards = sent.shards.map((shard) =>
    'flat' in shard ? FlatIndex.receive(shard.flat) : IvfIndex.receive(shard.ivf),
  );
  return asOne(shards, { queries: sent.queries, ...options });
}

function shardsIn(bytes: Uint8Array, largestShard: number = LARGEST_SHARD): (FlatIndex | IvfIndex)[] {
  return cutParts(readIndex(bytes), largestShard).map((parts) =>
    parts.centroids.length === 0 ? FlatIndex.fromParts(parts) : IvfIndex.fromParts(parts),
  );
}

function asOne(shards: readonly (FlatIndex | IvfIndex)[], options: MaintenanceOptions): VectorIndex {
  const [first, ...rest] = shards.map(
    (shard): VectorIndex => (shard instanceof FlatIndex ? shard : new MaintainedIndex(shard, options)),
  );
  invariant(first !== undefined, 'an index has a shard');
  return rest.length === 0 ? first : new ShardedIndex([first, ...rest]);
}
