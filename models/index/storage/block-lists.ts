import { InputError } from '#platform';
import type { Ranked } from '../../top-k.ts';
import { BLOCK_ROWS, type Kernels, type Memory, type Platform, ROWS_AT_ONCE } from '../kernel/port.ts';
import type { Metric } from '../port.ts';
import { EncodedQuery, encodeRow } from './codes.ts';
import type { IdFilter } from './id-filter.ts';
import { IdTable, type SentIdTable } from './id-table.ts';
import { Layout, PAGE_BYTES, SCORED_ROWS } from './layout.ts';
import { Search } from './search.ts';

const NONE = -1;
const ALL_ROWS = -1;

/** Lists as another thread gets them. */
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
  readonly #platform: Platform;
  readonly #layout: Layout;
  readonly #memory: Memory;
  readonly #kernels: Kernels;
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
  #floats!: Float32Array;
  #words!: Int32Array;
  #bytes!: Int8Array;
  #shorts!: Int16Array;

  private constructor(platform: Platform, sent: SentLists, memory: Memory) {
    this.#platform = platform;
    this.dim = sent.dim;
    this.metric = sent.metric;
    this.#layout = new Layout(sent.dim);
    this.#memory = memory;
    this.#kernels = platform.kernels(sent.metric, memory);
    this.#rows = new IdTable(sent.rows);
    this.#sizes = sent.sizes;
    this.#last = sent.last;
    this.#previous = sent.previous;
    this.#listOf = sent.listOf;
    this.#blocks = sent.blocks;
    this.#free = sent.free;
    this.#size = sent.size;
    this.#idBound = sent.idBound;
    this.#reserve(0);
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

  /** For another thread, which has them from then on: nothing is copied. */
  send(): SentLists {
    return {
      dim: this.dim,
      metric: this.metric,
      memory: this.#platform.sendMemory(this.#memory),
      rows: this.#rows.send(),
      sizes: this.#sizes,
      last: this.#last,
      previous: this.#previous,
      listOf: this.#listOf,
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
    return row === NONE ? undefined : this.#vectorAt(row).slice();
  }

  /** Adds the vector to the list, or moves the id there. */
  put(list: number, id: number, vector: Float32Array): void {
    const known = this.#rows.get(id);
    if (known !== NONE && this.#listOf[known >>> 5] === list) {
      this.#write(known, id, vector);
      return;
    }
    const row = this.#append(list);
    if (known !== NONE) this.#removeRow(known);
    this.#write(row, id, vector);
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
        ids[at] = this.#words[this.#layout.perRow(row, 3)] as number;
        vectors.set(this.#vectorAt(row), at * this.dim);
        at++;
      }
      rows = BLOCK_ROWS;
    }
  }

  /** About how many ids of the list the filter allows, from the first block that has any; 0 only where there are none. */
  allowedIn(list: number, filter: IdFilter): number {
    let rows = this.#rowsInLast(list);
    for (let block = this.#last[list] as number; block !== NONE; block = this.#previous[block] as number) {
      const ids = this.#layout.perRow(block * BLOCK_ROWS, 3);
      let count = 0;
      for (let i = 0; i < rows; i++) if (filter.allows(this.#words[ids + i] as number)) count++;
      if (count > 0) return (count * this.sizeOf(list)) / rows;
      rows = BLOCK_ROWS;
    }
    return 0;
  }

  /** Begins a search for at most k ids; the next one ends it. */
  search(query: Float32Array, k: number, filter?: IdFilter): Search {
    this.#floats.fill(0, 0, this.#layout.stride / 4);
    this.#floats.set(query);
    const codes = this.#layout.queryCodes / 2;
    const encoded = this.#shorts.subarray(codes, codes + this.#layout.pairs * 2);
    encoded.fill(0);
    return new Search(new EncodedQuery(query, this.metric, encoded), Math.min(k, this.#size), filter);
  }

  /** Offers a list to the search. */
  scan(list: number, search: Search): void {
    const { pairs, queryCodes } = this.#layout;
    const { scale, slack } = search.query;
    let rows = this.#rowsInLast(list);
    for (let block = this.#last[list] as number; block !== NONE; block = this.#previous[block] as number) {
      const codes = this.#layout.codes(block);
      const passed = this.#kernels.screen(queryCodes, codes, pairs, scale, slack, search.threshold);
      const mask = passed & (rows === BLOCK_ROWS ? ALL_ROWS : (1 << rows) - 1);
      if (mask !== 0) this.#scoreRows(block, mask, search);
      rows = BLOCK_ROWS;
    }
  }

  /** Offers all that the filter of the search allows, which looks for each of them by its id. */
  scanAllowed(filter: IdFilter, search: Search): void {
    const addresses = this.#layout.addresses / 4;
    const found = new Int32Array(SCORED_ROWS);
    let count = 0;
    filter.forEachAllowed(this.#idBound, (id) => {
      const row = this.#rows.get(id);
      if (row === NONE) return;
      this.#words[addresses + count] = this.#layout.vector(row);
      found[count++] = id;
      if (count < SCORED_ROWS) return;
      this.#offer(found, count, search);
      count = 0;
    });
    if (count > 0) this.#offer(found, count, search);
  }

  /** The k best of one whole list. */
  rank(list: number, query: Float32Array, k: number): Ranked {
    const search = this.search(query, k);
    this.scan(list, search);
    return search.best.finish();
  }

  #rowsInLast(list: number): number {
    return (((this.#sizes[list] as number) - 1) & (BLOCK_ROWS - 1)) + 1;
  }

  readonly #found = new Int32Array(BLOCK_ROWS);

  #scoreRows(block: number, mask: number, search: Search): void {
    const addresses = this.#layout.addresses / 4;
    const ids = this.#layout.perRow(block * BLOCK_ROWS, 3);
    const vectors = this.#layout.vector(block * BLOCK_ROWS);
    const { filter } = search;
    let count = 0;
    for (let left = mask; left !== 0; left &= left - 1) {
      const row = 31 - Math.clz32(left & -left);
      const id = this.#words[ids + row] as number;
      if (filter !== undefined && !filter.allows(id)) continue;
      this.#words[addresses + count] = vectors + row * this.#layout.stride;
      this.#found[count++] = id;
    }
    if (count > 0) this.#offer(this.#found, count, search);
  }

  /** The rows whose addresses have been written. */
  #offer(ids: Int32Array, count: number, search: Search): void {
    const { addresses, scores, stride } = this.#layout;
    let padded = count;
    for (; padded % ROWS_AT_ONCE !== 0; padded++) {
      this.#words[addresses / 4 + padded] = this.#words[addresses / 4] as number;
    }
    this.#kernels.scoresAt(0, addresses, padded, stride, scores);
    for (let i = 0; i < count; i++) search.offer(ids[i] as number, this.#floats[scores / 4 + i] as number);
  }

  #vectorAt(row: number): Float32Array {
    const at = this.#layout.vector(row) / 4;
    return this.#floats.subarray(at, at + this.dim);
  }

  #write(row: number, id: number, vector: Float32Array): void {
    const layout = this.#layout;
    this.#floats.set(vector, layout.vector(row) / 4);
    const codes = layout.codes(row >>> 5) + 2 * (row & (BLOCK_ROWS - 1));
    const { scale, slack, bound } = encodeRow(vector, this.metric, this.#bytes, codes);
    this.#floats[layout.perRow(row, 0)] = scale;
    this.#floats[layout.perRow(row, 1)] = slack;
    this.#floats[layout.perRow(row, 2)] = bound;
    this.#words[layout.perRow(row, 3)] = id;
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
    if (row !== end) this.#move(end, row);
    this.#sizes[list] = (this.#sizes[list] as number) - 1;
    this.#size--;
    if (slot > 0) return;
    this.#last[list] = this.#previous[block] as number;
    this.#previous[block] = this.#free;
    this.#free = block;
  }

  #move(from: number, to: number): void {
    const layout = this.#layout;
    const source = layout.vector(from) / 4;
    this.#floats.copyWithin(layout.vector(to) / 4, source, source + layout.stride / 4);
    const [codesFrom, codesTo] = [from, to].map(
      (row) => layout.codes(row >>> 5) / 2 + (row & (BLOCK_ROWS - 1)),
    ) as [number, number];
    for (let pair = 0; pair < layout.pairs * BLOCK_ROWS; pair += BLOCK_ROWS) {
      this.#shorts[codesTo + pair] = this.#shorts[codesFrom + pair] as number;
    }
    for (const array of [0, 1, 2, 3] as const) {
      this.#words[layout.perRow(to, array)] = this.#words[layout.perRow(from, array)] as number;
    }
    this.#rows.set(this.#words[layout.perRow(to, 3)] as number, to);
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
    const missing = Math.ceil((this.#layout.bytesFor(blocks) - this.#memory.buffer.byteLength) / PAGE_BYTES);
    if (missing > 0) this.#growMemory(missing);
    if (this.#floats !== undefined && missing <= 0) return;
    const { buffer } = this.#memory;
    this.#floats = new Float32Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#bytes = new Int8Array(buffer);
    this.#shorts = new Int16Array(buffer);
  }

  #growMemory(pages: number): void {
    try {
      this.#memory.grow(pages);
    } catch (cause) {
      const bytes = this.#memory.buffer.byteLength;
      throw new InputError('MR_INDEX_FULL', `no memory for more vectors, beside ${bytes} bytes of them`, {
        hint: 'An index holds up to 4 GiB: cut the catalogue into shards.',
        cause,
      });
    }
  }
}

function grown(array: Int32Array, length: number): Int32Array {
  const larger = new Int32Array(length);
  larger.set(array);
  return larger;
}
