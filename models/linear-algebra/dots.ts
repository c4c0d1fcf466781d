import { bytes } from './kernels.wasm.ts';

/** Rows that the kernel takes at a time, and floats that it takes of each: counts are padded to multiples. */
export const ROWS_AT_ONCE = 4;
export const LANES = 8;

export type DotsKernel = {
  readonly memory: WebAssembly.Memory;
  /**
   * Inner products of one query with `count` rows: out[i] = query . row[i]. All but count are addresses or lengths
   * in bytes; `stride` is the length of a row and of the query, a multiple of 32, and count is a multiple of 4.
   */
  readonly dots: (query: number, rows: number, count: number, stride: number, out: number) => void;
};

let compiled: WebAssembly.Module | undefined;

/** A kernel with a memory of its own, of one page. */
export function createDotsKernel(): DotsKernel {
  compiled ??= new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(compiled);
  return exports as DotsKernel;
}
