/**
 * Where things lie in the memory of an index. First what belongs to a search; then extents of 16 blocks of 32 rows. An
 * extent has all codes of its blocks, each followed by its rows' scales, slacks, bounds and ids, and then the vectors: a
 * scan reads the codes in one piece, and few of the vectors. As all that grows with the index is in extents, growing it
 * moves nothing.
 */
import { BLOCK_ROWS, LANES } from '../kernel/port.ts';

/** Rows whose scores one call computes. */
export const SCORED_ROWS = 256;
export const PAGE_BYTES = 65_536;
const EXTENT_BLOCKS = 16;
const BLOCK_SHIFT = 5;
const EXTENT_SHIFT = 4;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** All in bytes, except where it says otherwise. */
export class Layout {
  /** Pairs of numbers of a vector. */
  readonly pairs: number;
  /** From one vector to the next. */
  readonly stride: number;
  readonly queryCodes: number;
  readonly addresses: number;
  readonly scores: number;
  readonly #extents: number;
  readonly #codesOfBlock: number;
  readonly #codesOfExtent: number;
  readonly #extent: number;

  constructor(dim: number) {
    this.pairs = Math.ceil(dim / 2);
    this.stride = roundUp(dim, LANES) * 4;
    this.queryCodes = this.stride;
    this.addresses = this.queryCodes + roundUp(this.pairs * 4, 64);
    this.scores = this.addresses + SCORED_ROWS * 4;
    this.#extents = roundUp(this.scores + SCORED_ROWS * 4, 64);
    this.#codesOfBlock = (this.pairs * 2 + 4 * 4) * BLOCK_ROWS;
    this.#codesOfExtent = this.#codesOfBlock * EXTENT_BLOCKS;
    this.#extent = this.#codesOfExtent + EXTENT_BLOCKS * BLOCK_ROWS * this.stride;
  }

  bytesFor(blocks: number): number {
    return this.#extents + Math.ceil(blocks / EXTENT_BLOCKS) * this.#extent;
  }

  codes(block: number): number {
    const inExtent = (block & (EXTENT_BLOCKS - 1)) * this.#codesOfBlock;
    return this.#extents + (block >>> EXTENT_SHIFT) * this.#extent + inExtent;
  }

  /** Index of the float of a row in an array after the codes: 0 scales, 1 slacks, 2 bounds, 3 ids. */
  perRow(row: number, array: 0 | 1 | 2 | 3): number {
    const after = this.codes(row >>> BLOCK_SHIFT) / 4 + (this.pairs * 2 * BLOCK_ROWS) / 4;
    return after + array * BLOCK_ROWS + (row & (BLOCK_ROWS - 1));
  }

  vector(row: number): number {
    const extent = row >>> (BLOCK_SHIFT + EXTENT_SHIFT);
    const inExtent = (row & (EXTENT_BLOCKS * BLOCK_ROWS - 1)) * this.stride;
    return this.#extents + extent * this.#extent + this.#codesOfExtent + inExtent;
  }
}
