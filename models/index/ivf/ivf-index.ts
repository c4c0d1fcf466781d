import type { Ranked } from '../../top-k.ts';
import { checkId, checkIds, checkK, checkVector, countOf, isId } from '../checks.ts';
import { defaultPlatform } from '../kernel/platform.ts';
import type { Platform } from '../kernel/port.ts';
import type { IndexCalibration, IndexParts } from '../parts.ts';
import type { Metric, SearchOptions, VectorIndex } from '../port.ts';
import { BlockLists, type SentLists } from '../storage/block-lists.ts';
import { IdFilter } from '../storage/id-filter.ts';
import type { Search } from '../storage/search.ts';
import { probesAt } from './calibrate.ts';
import { Centroids, type SentCentroids } from './k-means.ts';

/** What scoring a row that is looked up by its id costs, in rows screened in their lists. */
const LOOKUP_COST = 8;
/** So many lists are ranked at least: a few more cost less than ranking again where the first ones hold too few. */
const LEAST_RANKED = 6;
const COPIED_AT_ONCE = 4096;
/** With a larger share of the vectors allowed, what lists have left is not counted. */
const LIGHT_FILTER = 0.9;

/**
 * Inverted lists with whole vectors (IVF-Flat; Sivic and Zisserman 2003, Johnson et al. 2017): each vector is in the list
 * of its nearest centroid, and a search looks through the lists whose centroids score best.
 */
export class IvfIndex implements VectorIndex {
  readonly calibration: IndexCalibration;
  readonly #rows: BlockLists;
  readonly #assign: Centroids;
  /** The centroids as rows of one list, by the metric of the index. */
  readonly #order: BlockLists;

  constructor(rows: BlockLists, assign: Centroids, order: BlockLists, calibration: IndexCalibration) {
    this.#rows = rows;
    this.#assign = assign;
    this.#order = order;
    this.calibration = calibration;
  }

  /** Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, MR_INDEX_ID. */
  static fromParts(parts: IndexParts, platform: Platform = defaultPlatform): IvfIndex {
    const { dim, metric, centroids, listSizes, ids, vectors, calibration } = parts;
    checkIds(ids, countOf(vectors, dim));
    const rows = BlockLists.create(platform, dim, metric, listSizes.length);
    let at = 0;
    for (const [list, size] of listSizes.entries()) {
      for (const end = at + size; at < end; at++) {
        const vector = vectors.subarray(at * dim, (at + 1) * dim);
        checkVector(vector, dim);
        rows.put(list, ids[at] as number, vector);
      }
    }
    const assign = Centroids.of(centroids.slice(), dim, platform);
    const order = centroidRows(centroids, dim, metric, platform);
    return new IvfIndex(rows, assign, order, calibration ?? allLists(listSizes.length));
  }

  static receive(sent: SentIvf, platform: Platform = defaultPlatform): IvfIndex {
    const rows = BlockLists.receive(platform, sent.rows);
    const order = BlockLists.receive(platform, sent.order);
    return new IvfIndex(rows, Centroids.receive(sent.assign, platform), order, sent.calibration);
  }

  /** For another thread, which has it from then on: vectors are not copied. */
  send(): SentIvf {
    const [rows, order] = [this.#rows.send(), this.#order.send()];
    return { rows, order, assign: this.#assign.send(), calibration: this.calibration };
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

  get lists(): number {
    return this.#rows.lists;
  }

  /** Vectors in the list of an average vector, to those of an average list: 1 where all lists are alike. */
  get imbalance(): number {
    const { lists, size } = this.#rows;
    let squares = 0;
    for (let list = 0; list < lists; list++) squares += this.#rows.sizeOf(list) ** 2;
    return size === 0 ? 1 : (squares * lists) / size ** 2;
  }

  search(query: Float32Array, k: number, options: SearchOptions = {}): Ranked {
    checkVector(query, this.dim);
    checkK(k);
    const filter = IdFilter.of(options);
    const search = this.#rows.search(query, k, filter);
    if (k === 0 || this.size === 0) return search.best.finish();
    if (filter === undefined) this.#probe(query, search, probesAt(this.calibration, k));
    else this.#searchFiltered(query, k, filter, search);
    return search.best.finish();
  }

  vector(id: number): Float32Array | undefined {
    return isId(id) ? this.#rows.vector(id) : undefined;
  }

  put(id: number, vector: Float32Array): void {
    checkId(id);
    checkVector(vector, this.dim);
    this.#rows.put(this.#assign.nearest(vector), id, vector);
  }

  remove(id: number): boolean {
    return isId(id) && this.#rows.remove(id);
  }

  /**
   * Ids and vectors of as many lists from `first` on as have a few thousand, and of one at least; copies, which threads share. One
   * buffer for each list would take milliseconds to send.
   */
  copyFrom(first: number): ListsCopy {
    const lists = this.#rows.lists;
    let [end, size] = [first, 0];
    while (end < lists && (end === first || size + this.#rows.sizeOf(end) <= COPIED_AT_ONCE)) {
      size += this.#rows.sizeOf(end++);
    }
    const ids = new Int32Array(new SharedArrayBuffer(size * 4));
    const vectors = new Float32Array(new SharedArrayBuffer(size * this.dim * 4));
    for (let list = first, at = 0; list < end; at += this.#rows.sizeOf(list++)) {
      this.#rows.copyList(list, ids, vectors, at);
    }
    return { end, rows: { ids, vectors } };
  }

  toParts(): IndexParts {
    const { dim, metric, size, calibration } = this;
    const listSizes = Int32Array.from({ length: this.#rows.lists }, (_, list) => this.#rows.sizeOf(list));
    const ids = new Int32Array(size);
    const vectors = new Float32Array(size * dim);
    let at = 0;
    for (const [list, rows] of listSizes.entries()) {
      this.#rows.copyList(list, ids, vectors, at);
      at += rows;
    }
    return { dim, metric, centroids: this.#assign.values.slice(), listSizes, ids, vectors, calibration };
  }

  /**
   * Where a share of the vectors is allowed, the k best of those are about the k / share best of all, and take as many
   * lists as these. Few are looked up one by one.
   */
  #searchFiltered(query: Float32Array, k: number, filter: IdFilter, search: Search): void {
    const { size, idBound } = this.#rows;
    const allowed = (filter.allowedBelow(idBound) * size) / idBound;
    const probes = probesAt(this.calibration, allowed === 0 ? size : (k * size) / allowed);
    const screened = (Math.min(probes, this.#rows.lists) * size) / this.#rows.lists;
    if (allowed * LOOKUP_COST < screened && idBound < size * LOOKUP_COST) {
      this.#rows.scanAllowed(filter, search);
    } else
      this.#probe(query, search, probes, allowed < LIGHT_FILTER * size ? { filter, allowed } : undefined);
  }

  /**
   * Looks through the best lists; through more while it has not found k. With a filter, lists with nothing allowed don't
   * count, and neither do lists end before so many allowed vectors as such a number of average lists has: near the query
   * there may be fewer of them than elsewhere.
   */
  #probe(query: Float32Array, search: Search, probes: number, filtered?: Filtered): void {
    const lists = this.#rows.lists;
    let left = probes;
    let allowedLeft = filtered === undefined ? 0 : (filtered.allowed * Math.min(probes, lists)) / lists;
    let from = 0;
    for (
      let count = Math.min(Math.max(probes, LEAST_RANKED), lists);
      from < lists;
      count = Math.min(count * 2, lists)
    ) {
      const order = this.#order.rank(0, query, count).ids;
      for (; from < count; from++) {
        if (left <= 0 && allowedLeft <= 0 && !search.wantsMore) return;
        const list = order[from] as number;
        if (filtered !== undefined) {
          const allowed = this.#rows.allowedIn(list, filtered.filter);
          if (allowed === 0) continue;
          allowedLeft -= allowed;
        }
        this.#rows.scan(list, search);
        left--;
      }
      if (left <= 0 && allowedLeft <= 0 && !search.wantsMore) return;
    }
  }
}

export type CopiedRows = { readonly ids: Int32Array; readonly vectors: Float32Array };

export type ListsCopy = {
  /** The first list that is not in it. */
  readonly end: number;
  readonly rows: CopiedRows;
};

/** An index as another thread gets it. */
export type SentIvf = {
  readonly rows: SentLists;
  readonly order: SentLists;
  readonly assign: SentCentroids;
  readonly calibration: IndexCalibration;
};

/** A filter, and about how many vectors it allows. */
type Filtered = { readonly filter: IdFilter; readonly allowed: number };

/** Centroids in one list, with their numbers as ids. */
export function centroidRows(
  centroids: Float32Array,
  dim: number,
  metric: Metric,
  platform: Platform,
): BlockLists {
  const rows = BlockLists.create(platform, dim, metric, 1);
  for (let i = 0; i < centroids.length / dim; i++) {
    rows.put(0, i, centroids.subarray(i * dim, (i + 1) * dim));
  }
  return rows;
}

/** For an index that was not calibrated. */
const allLists = (nprobe: number): IndexCalibration => ({
  nprobe,
  target: 1,
  at: 100,
  curve: [{ nprobe, recall: 1 }],
});
