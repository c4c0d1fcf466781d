import { InputError } from '#platform';
import { BLOCK_ROWS, type Kernels, type Memory, type Platform, ROWS_AT_ONCE } from '../kernel/port.ts';
import type { Metric } from '../port.ts';
import { EncodedQuery, encodeRow } from './codes.ts';
import type { IdFilter } from './id-filter.ts';
import { Layout, PAGE_BYTES } from './layout.ts';
import { Search } from './search.ts';

/** Up to this many allowed rows of a block are scored by floats, which takes less time than to screen the whole block. */
const SCORED_UNSEEN = 8;

/** Vectors and their ids in rows of blocks, over memory of their own, and the scoring of them. Which rows are in use is for others to know. */
export class BlockRows {
  readonly dim: number;
  readonly metric: Metric;
  readonly #platform: Platform;
  readonly #layout: Layout;
  readonly #memory: Memory;
  readonly #kernels: Kernels;
  readonly #search: Search;
  #floats!: Float32Array;
  #words!: Int32Array;
  #bytes!: Int8Array;
  #shorts!: Int16Array;

  constructor(platform: Platform, dim: number, metric: Metric, memory: Memory) {
    this.#platform = platform;
    this.dim = dim;
    this.metric = metric;
    this.#layout = new Layout(dim);
    this.#memory = memory;
    this.#kernels = platform.kernels(metric, memory);
    this.#search = new Search(new EncodedQuery(dim, metric));
    this.reserve(0);
  }

  /** What to put into a message, for another thread. */
  sendMemory(): unknown {
    return this.#platform.sendMemory(this.#memory);
  }

  id(row: number): number {
    return this.#words[this.#layout.perRow(row, 3)] as number;
  }

  /** Not a copy. */
  vector(row: number): Float32Array {
    const at = this.#layout.vector(row) / 4;
    return this.#floats.subarray(at, at + this.dim);
  }

  copyVector(row: number, into: Float32Array, at: number): void {
    const from = this.#layout.vector(row) / 4;
    const floats = this.#floats;
    for (let i = 0; i < this.dim; i++) into[at + i] = floats[from + i] as number;
  }

  write(row: number, id: number, vector: Float32Array): void {
    const layout = this.#layout;
    this.#floats.set(vector, layout.vector(row) / 4);
    const codes = layout.codes(row >>> 5) + 2 * (row & (BLOCK_ROWS - 1));
    const { scale, slack, bound } = encodeRow(vector, this.metric, this.#bytes, codes);
    this.#floats[layout.perRow(row, 0)] = scale;
    this.#floats[layout.perRow(row, 1)] = slack;
    this.#floats[layout.perRow(row, 2)] = bound;
    this.#words[layout.perRow(row, 3)] = id;
  }

  move(from: number, to: number): void {
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
  }

  /** Makes room for this many blocks in all. Errors: MR_INDEX_FULL. */
  reserve(blocks: number): void {
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

  /** Begins a search for at most k ids; the next one ends it. */
  search(query: Float32Array, k: number, filter?: IdFilter): Search {
    this.#floats.fill(0, 0, this.#layout.stride / 4);
    this.#floats.set(query);
    const codes = this.#layout.queryCodes / 2;
    this.#shorts.fill(0, codes, codes + this.#layout.pairs * 2);
    this.#search.query.encode(query, this.#shorts, codes);
    this.#search.begin(k, filter);
    return this.#search;
  }

  /** Offers the rows of a block that the mask `all` has. */
  scan(block: number, all: number, search: Search): void {
    const { filter } = search;
    if (filter === undefined) this.#scoreRows(block, this.#screen(block, search) & all, search);
    else if (search.allowsFew) this.#scanFew(block, all, filter, search);
    else this.#scoreRows(block, this.#allowedIn(block, this.#screen(block, search) & all, filter), search);
  }

  /** Offers rows wherever they are, at most SCORED_ROWS. */
  offer(rows: Int32Array, count: number, search: Search): void {
    const addresses = this.#layout.addresses / 4;
    for (let i = 0; i < count; i++) this.#words[addresses + i] = this.#layout.vector(rows[i] as number);
    if (count > 0) this.#score(count);
    const scores = this.#layout.scores / 4;
    for (let i = 0; i < count; i++)
      search.offer(this.id(rows[i] as number), this.#floats[scores + i] as number);
  }

  /** Scores of the first `rows` rows of a block, by id, for the search that was begun. */
  scoreAll(block: number, rows: number, scores: Float32Array): void {
    const addresses = this.#layout.addresses / 4;
    const vectors = this.#layout.vector(block * BLOCK_ROWS);
    const ids = this.#layout.perRow(block * BLOCK_ROWS, 3);
    for (let i = 0; i < rows; i++) this.#words[addresses + i] = vectors + i * this.#layout.stride;
    this.#score(rows);
    for (let i = 0; i < rows; i++) {
      scores[this.#words[ids + i] as number] = this.#floats[this.#layout.scores / 4 + i] as number;
    }
  }

  /** Offers a block of which little is allowed: this is looked for first, and scored without being screened where it is little enough. */
  #scanFew(block: number, all: number, filter: IdFilter, search: Search): void {
    const allowed = this.#allowedIn(block, all, filter);
    if (bitsIn(allowed) <= SCORED_UNSEEN) this.#scoreRows(block, allowed, search);
    else this.#scoreRows(block, this.#screen(block, search) & allowed, search);
  }

  #allowedIn(block: number, mask: number, filter: IdFilter): number {
    return filter.allowedIn(mask, this.#words, this.#layout.perRow(block * BLOCK_ROWS, 3));
  }

  #screen(block: number, search: Search): number {
    const { pairs, queryCodes } = this.#layout;
    const { scale, slack } = search.query;
    const codes = this.#layout.codes(block);
    return this.#kernels.screen(queryCodes, codes, pairs, scale, slack, search.threshold);
  }

  /** Offers the rows of a block that the mask has. */
  #scoreRows(block: number, mask: number, search: Search): void {
    if (mask === 0) return;
    const { addresses: bytes, stride } = this.#layout;
    const addresses = bytes / 4;
    const vectors = this.#layout.vector(block * BLOCK_ROWS);
    let count = 0;
    for (let left = mask; left !== 0; left &= left - 1) {
      this.#words[addresses + count++] = vectors + firstBit(left) * stride;
    }
    this.#score(count);
    const ids = this.#layout.perRow(block * BLOCK_ROWS, 3);
    let at = this.#layout.scores / 4;
    for (let left = mask; left !== 0; left &= left - 1) {
      search.offer(this.#words[ids + firstBit(left)] as number, this.#floats[at++] as number);
    }
  }

  /** Scores the rows whose addresses have been written, one at least. */
  #score(count: number): void {
    const { addresses, scores, stride } = this.#layout;
    let padded = count;
    for (; padded % ROWS_AT_ONCE !== 0; padded++) {
      this.#words[addresses / 4 + padded] = this.#words[addresses / 4] as number;
    }
    this.#kernels.scoresAt(0, addresses, padded, stride, scores);
  }
}

/** The number of the lowest bit of a mask that is not 0. */
const firstBit = (mask: number): number => 31 - Math.clz32(mask & -mask);

/** How many bits of a mask are set (Warren, Hacker's Delight, 5-1). */
function bitsIn(mask: number): number {
  const pairs = mask - ((mask >>> 1) & 0x55555555);
  const fours = (pairs & 0x33333333) + ((pairs >>> 2) & 0x33333333);
  return Math.imul((fours + (fours >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
