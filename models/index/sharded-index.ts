import { InputError } from '#platform';
import { type Ranked, TopK } from '../top-k.ts';
import type { Metric, SearchOptions, VectorIndex } from './port.ts';

/**
 * Several indexes as one: by segment, or because one would be too large. A search asks each and merges what they find, so it
 * is as exact as they are. An id is in one shard at most; who builds them sees to that.
 */
export class ShardedIndex implements VectorIndex {
  readonly dim: number;
  readonly metric: Metric;
  readonly #shards: readonly VectorIndex[];

  /** At least one. Errors: MR_INDEX_DIMENSION where they differ in dimension or metric. */
  constructor(shards: readonly [VectorIndex, ...VectorIndex[]]) {
    const [{ dim, metric }] = shards;
    const other = shards.find((shard) => shard.dim !== dim || shard.metric !== metric);
    if (other !== undefined) {
      const [one, another] = [`${dim} by ${metric}`, `${other.dim} by ${other.metric}`];
      throw new InputError('MR_INDEX_DIMENSION', `shards of one index, of dimension ${one} and ${another}`);
    }
    this.dim = dim;
    this.metric = metric;
    this.#shards = shards;
  }

  get size(): number {
    return this.#shards.reduce((sum, { size }) => sum + size, 0);
  }

  search(query: Float32Array, k: number, options?: SearchOptions): Ranked {
    // Shards refuse what makes no sense, before room is made for what they find.
    const found = this.#shards.map((shard) => shard.search(query, k, options));
    const best = new TopK(Math.min(k, this.size));
    for (const { ids, scores } of found) {
      ids.forEach((id, rank) => {
        best.offer(id, scores[rank] as number);
      });
    }
    return best.finish();
  }

  vector(id: number): Float32Array | undefined {
    for (const shard of this.#shards) {
      const vector = shard.vector(id);
      if (vector !== undefined) return vector;
    }
    return undefined;
  }

  copyVector(id: number, into: Float32Array, at: number): boolean {
    return this.#shards.some((shard) => shard.copyVector(id, into, at));
  }

  /** A new id goes to the smallest shard, of equal ones to the first. */
  put(id: number, vector: Float32Array): void {
    const holding = this.#shards.find((shard) => shard.vector(id) !== undefined);
    const smallest = () => this.#shards.reduce((least, shard) => (shard.size < least.size ? shard : least));
    (holding ?? smallest()).put(id, vector);
  }

  remove(id: number): boolean {
    return this.#shards.some((shard) => shard.remove(id));
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#shards.map(async (shard) => {
        await shard.close?.();
      }),
    );
  }
}
