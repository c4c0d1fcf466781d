import { createOuterProductKernel, TILE_COLUMNS, TILE_ROWS } from './outer-product-kernel.ts';

const PAGE_BYTES = 65_536;
/** Rows whose products are summed in single precision before they are added to the result in double. */
const ROWS_AT_ONCE = 4096;

/** Vectors one after another, [count, dim]. */
export type VectorTable = { readonly values: Float32Array; readonly dim: number };

/**
 * Gram matrices of chosen rows of a table, by a SIMD kernel: the sum over the rows v of v vᵀ, of a stretch of their
 * columns. The work is that of the lower triangle. Rows are copied into the kernel's memory, so that they lie one
 * after another; a stretch is at most `width` columns.
 */
export class Gram {
  readonly #kernel = createOuterProductKernel();
  /** Columns of a stretch in the kernel's memory, a multiple of those of a tile: the rest is zero. */
  readonly #stride: number;
  readonly #sums: Float32Array;
  readonly #rows: Float32Array;

  constructor(width: number) {
    const stride = Math.ceil(width / TILE_COLUMNS) * TILE_COLUMNS;
    const floats = stride * stride + ROWS_AT_ONCE * stride;
    const { memory } = this.#kernel;
    memory.grow(Math.max(0, Math.ceil((floats * 4) / PAGE_BYTES) - 1));
    this.#stride = stride;
    this.#sums = new Float32Array(memory.buffer, 0, stride * stride);
    this.#rows = new Float32Array(memory.buffer, stride * stride * 4);
  }

  /**
   * Adds to the lower triangle of `sums`, [columns, columns], the Gram matrix of `rows` of the table, over its columns
   * `from` to `from + columns - 1`. What lies above the diagonal is left as it is.
   */
  addTo(sums: Float64Array, table: VectorTable, rows: Int32Array, from: number, columns: number): void {
    for (let first = 0; first < rows.length; first += ROWS_AT_ONCE) {
      const some = rows.subarray(first, first + ROWS_AT_ONCE);
      this.#gather(table, some, from, columns);
      this.#multiply(some.length, columns);
      for (let i = 0; i < columns; i++) {
        const at = i * this.#stride;
        for (let j = 0; j <= i; j++) {
          sums[i * columns + j] = (sums[i * columns + j] as number) + (this.#sums[at + j] as number);
        }
      }
    }
  }

  #gather({ values, dim }: VectorTable, rows: Int32Array, from: number, columns: number): void {
    const gathered = this.#rows;
    const stride = this.#stride;
    let at = 0;
    for (const row of rows) {
      const start = row * dim + from;
      for (let c = 0; c < columns; c++) gathered[at + c] = values[start + c] as number;
      gathered.fill(0, at + columns, at + stride);
      at += stride;
    }
  }

  #multiply(count: number, columns: number): void {
    const strideBytes = this.#stride * 4;
    const rowsAt = this.#stride * strideBytes;
    for (let i = 0; i < columns; i += TILE_ROWS) {
      const left = rowsAt + i * 4;
      const end = left + count * strideBytes;
      for (let j = 0; j < i + TILE_ROWS; j += TILE_COLUMNS) {
        this.#kernel.outerProducts(
          left,
          rowsAt + j * 4,
          end,
          strideBytes,
          i * strideBytes + j * 4,
          strideBytes,
        );
      }
    }
  }
}
