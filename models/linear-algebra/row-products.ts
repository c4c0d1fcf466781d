import { createDotsKernel, LANES, ROWS_AT_ONCE } from './dots.ts';
import type { VectorTable } from './gram.ts';

const PAGE_BYTES = 65_536;
const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/** Inner products of a vector with all rows of a table, by the SIMD kernel. Keeps a copy of the table. */
export class RowProducts {
  readonly #kernel = createDotsKernel();
  readonly #count: number;
  readonly #stride: number;
  readonly #query: Float32Array;
  readonly #products: Float32Array;

  constructor({ values, dim }: VectorTable) {
    const stride = roundUp(dim, LANES);
    const count = values.length / dim;
    const rows = roundUp(count, ROWS_AT_ONCE);
    const { memory } = this.#kernel;
    memory.grow(Math.max(0, Math.ceil(((1 + rows) * stride + rows) * (4 / PAGE_BYTES)) - 1));
    // The vector, padded with zeros as the rows are, the rows, their products.
    this.#query = new Float32Array(memory.buffer, 0, stride);
    this.#products = new Float32Array(memory.buffer, (1 + rows) * stride * 4, rows);
    const padded = new Float32Array(memory.buffer, stride * 4, rows * stride);
    for (let row = 0; row < count; row++) {
      padded.set(values.subarray(row * dim, (row + 1) * dim), row * stride);
    }
    this.#count = count;
    this.#stride = stride;
  }

  /** [count]; a copy. */
  with(vector: Float32Array): Float32Array {
    this.#query.set(vector);
    const strideBytes = this.#stride * 4;
    const products = this.#products;
    if (this.#count > 0) {
      this.#kernel.dots(0, strideBytes, products.length, strideBytes, products.byteOffset);
    }
    return products.slice(0, this.#count);
  }
}
