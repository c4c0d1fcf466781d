import { bytes } from './kernels.wasm.ts';

/** A call adds up outer products of four floats with eight. */
export const TILE_ROWS = 4;
export const TILE_COLUMNS = 8;

export type OuterProductKernel = {
  readonly memory: WebAssembly.Memory;
  /**
   * out[i][j] = the sum over r of left[r][i] * right[r][j], i below 4, j below 8. `left` and `right` are addresses in a
   * matrix with rows of `stride` bytes, `end` is where `left` stands after the last row (one row at least), and the
   * rows of `out` are `outStride` bytes apart. Sums are made in the order of the rows.
   */
  readonly outerProducts: (
    left: number,
    right: number,
    end: number,
    stride: number,
    out: number,
    outStride: number,
  ) => void;
};

let compiled: WebAssembly.Module | undefined;

/** A kernel with a memory of its own, of one page. */
export function createOuterProductKernel(): OuterProductKernel {
  compiled ??= new WebAssembly.Module(bytes);
  const { exports } = new WebAssembly.Instance(compiled);
  return exports as OuterProductKernel;
}
