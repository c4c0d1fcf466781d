import type { Ranked } from '../top-k.ts';
import { checkDimension, checkId, checkIds, checkK, checkVector, countOf, isId } from './checks.ts';
import { defaultPlatform } from './kernel/platform.ts';
import type { Platform } from './kernel/port.ts';
import type { IndexParts } from './parts.ts';
import type { Metric, SearchOptions, VectorIndex } from './port.ts';
import { BlockLists, type SentLists } from './storage/block-lists.ts';
import { IdFilter } from './storage/id-filter.ts';

const LIST = 0;

export type FlatIndexOptions = {
  /** Default: inner product. */
  readonly metric?: Metric;
  /** The ids of the vectors, in their order; 0, 1, 2, ... where absent. */
  readonly ids?: Int32Array;
  readonly platform?: Platform;
};

/** Exact search: every row is looked at, most of them as codes only. Meant for up to about 20,000 vectors. */
export class FlatIndex implements VectorIndex {
  readonly #rows: BlockLists;

  private constructor(rows: BlockLists) {
    this.#rows = rows;
  }

  /** Without vectors yet. */
  static empty(dim: number, { metric = 'inner-product', platform = defaultPlatform }: FlatIndexOptions = {}) {
    checkDimension(dim);
    return new FlatIndex(BlockLists.create(platform, dim, metric, 1));
  }

  /** From vectors one after another, [count, dim]. Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, MR_INDEX_ID. */
  static build(vectors: Float32Array, dim: number, options: FlatIndexOptions = {}): FlatIndex {
    const count = countOf(vectors, dim);
    const { ids } = options;
    if (ids !== undefined) checkIds(ids, count);
    const index = FlatIndex.empty(dim, options);
    for (let i = 0; i < count; i++) index.put(ids?.[i] ?? i, vectors.subarray(i * dim, (i + 1) * dim));
    return index;
  }

  static fromParts({ dim, metric, ids, vectors }: IndexParts, platform?: Platform): FlatIndex {
    return FlatIndex.build(vectors, dim, { metric, ids, ...(platform && { platform }) });
  }

  static receive(sent: SentLists, platform: Platform = defaultPlatform): FlatIndex {
    return new FlatIndex(BlockLists.receive(platform, sent));
  }

  /** For another thread, which has it from then on: vectors are not copied. */
  send(): SentLists {
    return this.#rows.send();
  }

  get dim(): number {
    return this.#rows.dim;
  }

  get metric(): Metric {
    return this.#rows.metric;
  }

  get size(): number {
    return this.#rows.size;
  }

  search(query: Float32Array, k: number, options: SearchOptions = {}): Ranked {
    checkVector(query, this.dim);
    checkK(k);
    const search = this.#rows.search(query, k, IdFilter.of(options));
    this.#rows.scan(LIST, search);
    return search.best.finish();
  }

  vector(id: number): Float32Array | undefined {
    return isId(id) ? this.#rows.vector(id) : undefined;
  }

  copyVector(id: number, into: Float32Array, at: number): boolean {
    return isId(id) && this.#rows.copyVector(id, into, at);
  }

  put(id: number, vector: Float32Array): void {
    checkId(id);
    checkVector(vector, this.dim);
    this.#rows.put(LIST, id, vector);
  }

  remove(id: number): boolean {
    return isId(id) && this.#rows.remove(id);
  }

  toParts(): IndexParts {
    const { dim, metric, size } = this;
    const ids = new Int32Array(size);
    const vectors = new Float32Array(size * dim);
    this.#rows.copyList(LIST, ids, vectors, 0);
    return { dim, metric, centroids: new Float32Array(0), listSizes: Int32Array.of(size), ids, vectors };
  }
}
