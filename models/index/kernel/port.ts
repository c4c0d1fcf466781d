/**
 * The inner loops of the index, over one memory; WebAssembly and plain JavaScript compute the same bits. Rows come in
 * blocks of 32, each twice: as float32, and as a byte for each number, from which it is told without reading the
 * floats that a row can't be among the best.
 */
import type { Metric } from '../port.ts';

/** Rows of a block. */
export const BLOCK_ROWS = 32;
/** Floats of rows and queries are padded with zeros to a multiple. */
export const LANES = 8;
/** Rows whose scores are computed at a time. */
export const ROWS_AT_ONCE = 4;

/** Pages of 64 KiB that 32 bits can address. */
export const MAX_PAGES = 65_536;

/** Memory that grows in place: nothing is copied, and older views stay valid. It can be sent to other threads. */
export type Memory = { readonly buffer: SharedArrayBuffer; grow(pages: number): void };

export type Kernels = {
  /**
   * Scores of the rows at `count` addresses, a multiple of 4: out[i] = query . row for inner products, else
   * -|query - row|^2. All but count are addresses or lengths in bytes; `stride` is that of a row, a multiple of 32.
   */
  scoresAt(query: number, addresses: number, count: number, stride: number, out: number): void;
  /**
   * Which rows of the block may have a score of `threshold`: bit i is 1 where
   * (query . codes[i]) * scale * scales[i] + slack * slacks[i] + bounds[i] >= threshold.
   *
   * The query is `pairs` pairs of 16-bit integers. A block is its codes, pair after pair of numbers: those of row 0, of row
   * 1, ..., then scales, slacks and bounds, 32 floats each.
   */
  screen(
    query: number,
    block: number,
    pairs: number,
    scale: number,
    slack: number,
    threshold: number,
  ): number;
};

/** A way to run the kernels. */
export type Platform = {
  readonly name: 'wasm' | 'plain';
  createMemory(): Memory;
  /** Opens memory that another thread created and sent with `sendMemory`. */
  receiveMemory(sent: unknown): Memory;
  /** The value to post to the other thread. */
  sendMemory(memory: Memory): unknown;
  kernels(metric: Metric, memory: Memory): Kernels;
};
