import type { TopK } from '../../top-k.ts';
import { BLOCK_ROWS, type Memory, type Platform } from '../kernel/port.ts';
import type { Metric } from '../port.ts';
import { BlockRows } from './block-rows.ts';
import type { IdFilter } from './id-filter.ts';
import { IdTable, type SentIdTable } from './id-table.ts';
import { SCORED_ROWS } from './layout.ts';
import type { Search } from './search.ts';

const NONE = -1;
const ALL_ROWS = -1;

/** Lists as another thread gets them: all that grows with their number is shared memory, in few pieces. */
export type SentLists = {
  readonly dim: number;
  readonly metric: Metric;
  readonly memory: unknown;
  readonly rows: SentIdTable;
  readonly sizes: Int32Array;
  readonly last: Int32Array;
  readonly previous: Int32Array;
  readonly listOf: Int32Array;
  readonly blocks: number;
  readonly free: number;
  readonly size: number;
  readonly idBound: number;
};

/**
 * Vectors by id, in lists of blocks that are chained from the last, the only one that may be part full. A removed row is
 * replaced by its list's last one, and blocks without rows are used again: no change moves more than one row.
 */
export class BlockLists {
  readonly dim: number;
  readonly metric: Metric;
  readonly #blockRows: BlockRows;
  /** The row of each id. */
  readonly #rows: IdTable;
  /** Rows of each list. */
  readonly #sizes: Int32Array;
  /** The last block of each list. */
  readonly #last: Int32Array;
  /** The block before each block in its list, or the next unused one. */
  #previous: Int32Array;
  #listOf: Int32Array;
  #blocks: number;
  /** The first unused block. */
  #free: number;
  #size: number;
  /** Above every id that has been here. */
  #idBound: number;
  readonly #offered = new Int32Array(1);

  private constructor(platform: Platform, sent: SentLists, memory: Memory) {
    this.dim = sent.dim;
    this.metric = sent.metric;
    this.#blockRows = new BlockRows(platform, sent.dim, sent.metric, memory);
    this.#rows = new IdTable(sent.rows);
    this.#sizes = sent.sizes;
    this.#last = sent.last;
    this.#previous = sent.previous;
    this.#listOf = sent.listOf;
    this.#blocks = sent.blocks;
    this.#free = sent.free;
    this.#size = sent.size;
    this.#idBound = sent.idBound;
  }

  static create(platform: Platform, dim: number, metric: Metric, lists: number): BlockLists {
    const sent: SentLists = {
      dim,
      metric,
      memory: undefined,
      rows: new IdTable().send(),
      sizes: new Int32Array(lists),
      last: new Int32Array(lists).fill(NONE),
      previous: new Int32Array(0),
      listOf: new Int32Array(0),
      blocks: 0,
      free: NONE,
      size: 0,
      idBound: 0,
    };
    return new BlockLists(platform, sent, platform.createMemory());
  }

  static receive(platform: Platform, sent: SentLists): BlockLists {
    return new BlockLists(platform, sent, platform.receiveMemory(sent.memory));
  }

  /** For another thread, which has them from then on: vectors are not copied. */
  send(): SentLists {
    return {
      dim: this.dim,
      metric: this.metric,
      memory: this.#blockRows.sendMemory(),
      rows: this.#rows.send(),
      sizes: shared(this.#sizes),
      last: shared(this.#last),
      previous: shared(this.#previous),
      listOf: shared(this.#listOf),
      blocks: this.#blocks,
      free: this.#free,
      size: this.#size,
      idBound: this.#idBound,
    };
  }

  get size(): number {
    return this.#size;
  }

  get idBound(): number {
    return this.#idBound;
  }

  get lists(): number {
    return this.#sizes.length;
  }

  sizeOf(list: number): number {
    return this.#sizes[list] as number;
  }

  /** The list that has the id, or -1. */
  listOf(id: number): number {
    const row = this.#rows.get(id);
    return row === NONE ? NONE : (this.#listOf[row >>> 5] as number);
  }

  /** A copy. */
  vector(id: number): Float32Array | undefined {
    const row = this.#rows.get(id);
    return row === NONE ? undefined : this.#blockRows.vector(row).slice();
  }

  /** Whether there is one. */
  copyVector(id: number, into: Float32Array, at: number): boolean {
    const row = this.#rows.get(id);
    if (row === NONE) return false;
    this.#blockRows.copyVector(row, into, at);
    return true;
  }

  /** Adds the vector to the list, or moves the id there. */
  put(list: number, id: number, vector: Float32Array): void {
    const known = this.#rows.get(id);
    if (known !== NONE && this.#listOf[known >>> 5] === list) {
      this.#blockRows.write(known, id, vector);
      return;
    }
    const row = this.#append(list);
    if (known !== NONE) this.#removeRow(known);
    this.#blockRows.write(row, id, vector);
    this.#rows.set(id, row);
    this.#idBound = Math.max(this.#idBound, id + 1);
    this.#size++;
  }

  remove(id: number): boolean {
    const row = this.#rows.get(id);
    if (row === NONE) return false;
    this.#removeRow(row);
    this.#rows.delete(id);
    return true;
  }

  /** Ids and vectors of a list, one after the other from these indices on. */
  copyList(list: number, ids: Int32Array, vectors: Float32Array, from: number): void {
    let at = from;
    let rows = this.#rowsInLast(list);
    for (let block = this.#last[list] as number; block !== NONE; block = this.#previous[block] as number) {
      for (let row = block * BLOCK_ROWS; row < block * BLOCK_ROWS + rows; row++) {
        ids[at] = this.#blockRows.id(row);
        vectors.set(this.#blockRows.vector(row), at * this.dim);
        at++;
      }
      rows = BLOCK_ROWS;
    }
  }

  /** Begins a search for at most k ids; the next one ends it. */
  search(query: Float32Array, k: number, filter?: IdFilter): Search {
    return this.#blockRows.search(query, Math.min(k, this.#size), filter);
  }

  /** Offers the row of an id that is here. */
  offer(id: number, search: Search): void {
    this.#offered[0] = this.#rows.get(id);
    this.#blockRows.offer(this.#offered, 1, search);
  }

  /** Offers a list to the search. */
  scan(list: number, search: Search): void {
    let rows = this.#rowsInLast(list);
    for (let block = this.#last[list] as number; block !== NONE; block = this.#previous[block] as number) {
      this.#blockRows.scan(block, rows === BLOCK_ROWS ? ALL_ROWS : (1 << rows) - 1, search);
      rows = BLOCK_ROWS;
    }
  }

  /** Offers all that the filter of the search allows, which looks for each of them by its id. */
  scanAllowed(filter: IdFilter, search: Search): void {
    const found = new Int32Array(SCORED_ROWS);
    let count = 0;
    filter.forEachAllowed(this.#idBound, (id) => {
      const row = this.#rows.get(id);
      if (row === NONE) return;
      found[count++] = row;
      if (count < SCORED_ROWS) return;
      this.#blockRows.offer(found, count, search);
      count = 0;
    });
    this.#blockRows.offer(found, count, search);
  }

  /** The k best of one whole list, sorted; they stay until the next search. */
  rank(list: number, query: Float32Array, k: number): TopK {
    const search = this.search(query, k);
    this.scan(list, search);
    search.best.sort();
    return search.best;
  }

  /** Scores of all rows of a list, by id. */
  scoreAll(list: number, query: Float32Array, scores: Float32Array): void {
    this.search(query, 0);
    let rows = this.#rowsInLast(list);
    for (let block = this.#last[list] as number; block !== NONE; block = this.#previous[block] as number) {
      this.#blockRows.scoreAll(block, rows, scores);
      rows = BLOCK_ROWS;
    }
  }

  #rowsInLast(list: number): number {
    return (((this.#sizes[list] as number) - 1) & (BLOCK_ROWS - 1)) + 1;
  }

  /** A row at the end of the list, which does not count for `size` yet. */
  #append(list: number): number {
    const slot = (this.#sizes[list] as number) & (BLOCK_ROWS - 1);
    if (slot === 0) {
      const block = this.#takeBlock();
      this.#previous[block] = this.#last[list] as number;
      this.#listOf[block] = list;
      this.#last[list] = block;
    }
    this.#sizes[list] = (this.#sizes[list] as number) + 1;
    return (this.#last[list] as number) * BLOCK_ROWS + slot;
  }

  #removeRow(row: number): void {
    const list = this.#listOf[row >>> 5] as number;
    const block = this.#last[list] as number;
    const slot = this.#rowsInLast(list) - 1;
    const end = block * BLOCK_ROWS + slot;
    if (row !== end) {
      this.#blockRows.move(end, row);
      this.#rows.set(this.#blockRows.id(row), row);
    }
    this.#sizes[list] = (this.#sizes[list] as number) - 1;
    this.#size--;
    if (slot > 0) return;
    this.#last[list] = this.#previous[block] as number;
    this.#previous[block] = this.#free;
    this.#free = block;
  }

  #takeBlock(): number {
    const unused = this.#free;
    if (unused !== NONE) {
      this.#free = this.#previous[unused] as number;
      return unused;
    }
    this.#reserve(this.#blocks + 1);
    return this.#blocks++;
  }

  #reserve(blocks: number): void {
    if (blocks > this.#previous.length) {
      const capacity = Math.max(16, blocks, this.#previous.length * 2);
      this.#previous = grown(this.#previous, capacity);
      this.#listOf = grown(this.#listOf, capacity);
    }
    this.#blockRows.reserve(blocks);
  }
}

function shared(array: Int32Array): Int32Array {
  const copy = new Int32Array(new SharedArrayBuffer(array.byteLength));
  copy.set(array);
  return copy;
}

function grown(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
