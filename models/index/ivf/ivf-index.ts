import type { Ranked } from '../../top-k.ts';
import { checkId, checkIds, checkK, checkVector, countOf, isId } from '../checks.ts';
import { defaultPlatform } from '../kernel/platform.ts';
import type { Platform } from '../kernel/port.ts';
import type { IndexCalibration, IndexParts } from '../parts.ts';
import type { Metric, SearchOptions, VectorIndex } from '../port.ts';
import { BlockLists, type SentLists } from '../storage/block-lists.ts';
import { IdFilter } from '../storage/id-filter.ts';
import type { Search } from '../storage/search.ts';
import { calibrate, probesAt, reachAt } from './calibrate.ts';
import { Centroids, type SentCentroids } from './k-means.ts';
import { ListOrder } from './list-order.ts';
import { gapOf, normOf } from './reach.ts';
import type { RowCopies } from './row-copies.ts';

/** What scoring a row that is looked up by its id costs, in rows screened in their lists. */
const LOOKUP_COST = 8;
const NONE = -1;
/** The share of allowed vectors below which a filter is asked before vectors are screened. */
const FEW = 0.2;

/**
 * Inverted lists with whole vectors (IVF-Flat; Sivic and Zisserman 2003, Johnson et al. 2017): each vector is in the list
 * of its nearest centroid, and a search looks through the lists whose centroids score best.
 */
export class IvfIndex implements VectorIndex {
  readonly calibration: IndexCalibration;
  readonly #rows: BlockLists;
  readonly #assign: Centroids;
  readonly #order: ListOrder;

  constructor(rows: BlockLists, assign: Centroids, order: ListOrder, calibration: IndexCalibration) {
    this.#rows = rows;
    this.#assign = assign;
    this.#order = order;
    this.calibration = calibration;
  }

  /** Errors: MR_INDEX_DIMENSION, MR_INDEX_VECTOR, also for centroids, MR_INDEX_ID. */
  static fromParts(parts: IndexParts, platform: Platform = defaultPlatform): IvfIndex {
    const { dim, metric, centroids, listSizes, ids, vectors, calibration } = parts;
    checkIds(ids, countOf(vectors, dim));
    // Products with longer ones would not be numbers, and lists be taken twice or never.
    for (let at = 0; at < centroids.length; at += dim) checkVector(centroids.subarray(at, at + dim), dim);
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
    const order = ListOrder.of(centroids, dim, metric, platform);
    return new IvfIndex(rows, assign, order, calibration ?? allLists(listSizes.length));
  }

  static receive(sent: SentIvf, platform: Platform = defaultPlatform): IvfIndex {
    const rows = BlockLists.receive(platform, sent.rows);
    const order = ListOrder.receive(sent.order, platform);
    return new IvfIndex(rows, Centroids.receive(sent.assign, platform), order, sent.calibration);
  }

  /** How many lists to search for such queries, see `calibrate`; `own` are their ids where they are vectors of the index. */
  calibratedFor(queries: Float32Array, target: number, own?: Int32Array): IndexCalibration {
    return calibrate({ rows: this.#rows, order: this.#order, queries, target, ...(own && { own }) });
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
    if (filter === undefined) this.#probe(query, search, k);
    else this.#searchFiltered(query, k, filter, search);
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
    this.#rows.put(this.#assign.nearest(vector), id, vector);
  }

  remove(id: number): boolean {
    return isId(id) && this.#rows.remove(id);
  }

  copyList(list: number, copies: RowCopies): void {
    const { ids, vectors } = copies.add(this.#rows.sizeOf(list));
    this.#rows.copyList(list, ids, vectors, 0);
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

  /** Few allowed vectors are looked up one by one: where a share is allowed, the k best are about the k / share best of all. */
  #searchFiltered(query: Float32Array, k: number, filter: IdFilter, search: Search): void {
    const { size, idBound } = this.#rows;
    const allowed = (filter.allowedBelow(idBound) * size) / idBound;
    const depth = allowed === 0 ? size : (k * size) / allowed;
    const probes = probesAt(this.calibration, depth);
    const screened = (Math.min(probes, this.#rows.lists) * size) / this.#rows.lists;
    if (allowed * LOOKUP_COST < screened && idBound < size * LOOKUP_COST) {
      this.#rows.scanAllowed(filter, search);
    } else {
      search.allowsFew = allowed < FEW * size;
      this.#probe(query, search, k, depth);
    }
  }

  /** Looks through the best lists, through all if it takes them to find k. */
  #probe(query: Float32Array, search: Search, k: number, depth = k): void {
    const { metric, calibration } = this;
    const reach = reachAt(calibration, depth);
    const probes = probesAt(calibration, depth);
    // More than the probes where these have fewer than k vectors: to go on after the lists wanted takes the order of all.
    this.#order.begin(query, Math.max(probes, Math.ceil((2 * k * this.#rows.lists) / this.size)));
    const norm = normOf(query);
    for (let count = 0, list = this.#order.next(); list !== NONE; count++, list = this.#order.next()) {
      const isEnough =
        reach === undefined
          ? count >= probes && !search.wantsMore
          : gapOf(metric, search.best.threshold, this.#order.score, norm) > reach;
      if (isEnough) return;
      this.#rows.scan(list, search);
    }
  }
}

/** An index as another thread gets it. */
export type SentIvf = {
  readonly rows: SentLists;
  readonly order: SentLists;
  readonly assign: SentCentroids;
  readonly calibration: IndexCalibration;
};

/** For an index that was not calibrated. */
const allLists = (nprobe: number): IndexCalibration => ({
  nprobe,
  target: 1,
  at: 100,
  curve: [{ nprobe, recall: 1 }],
});
