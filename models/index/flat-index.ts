import { InputError } from '#platform';
import { inBitmap, type Ranked, TopK } from '../top-k.ts';
import { createDotsKernel, type DotsKernel, LANES, ROWS_AT_ONCE } from './dots.ts';
import type { SearchOptions, VectorIndex } from './port.ts';

const PAGE_BYTES = 65_536;
/** Rows scored by one call of the kernel: their scores stay in the first-level cache. */
const BLOCK_ROWS = 4096;

const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;

/**
 * Exact search by inner product over vectors with the dense ids 0 .. count - 1: every row is scored, by a SIMD kernel,
 * so the result is that of a full sort. Meant for up to about 50,000 vectors.
 *
 * In the kernel's memory lie the query, the scores of a block, and the rows, padded with zeros.
 */
export class FlatIndex implements VectorIndex {
  readonly dim: number;
  readonly metric = 'inner-product';
  count: number;
  readonly #kernel: DotsKernel;
  readonly #stride: number;
  readonly #scoresAt: number;
  readonly #rowsAt: number;
  #query: Float32Array;
  #scores: Float32Array;
  #rows: Float32Array;
  readonly #gone = new Set<number>();

  private constructor(dim: number, count: number) {
    this.dim = dim;
    this.count = count;
    this.#kernel = createDotsKernel();
    const padded = roundUp(dim, LANES);
    this.#stride = padded * 4;
    this.#scoresAt = roundUp(this.#stride, 64);
    this.#rowsAt = this.#scoresAt + BLOCK_ROWS * 4;
    const bytes = this.#rowsAt + roundUp(count, ROWS_AT_ONCE) * this.#stride;
    const { memory } = this.#kernel;
    memory.grow(Math.max(0, Math.ceil(bytes / PAGE_BYTES) - memory.buffer.byteLength / PAGE_BYTES));
    this.#query = new Float32Array(memory.buffer, 0, padded);
    this.#scores = new Float32Array(memory.buffer, this.#scoresAt, BLOCK_ROWS);
    this.#rows = new Float32Array(memory.buffer, this.#rowsAt, count * padded);
  }

  /** From vectors one after another, [count, dim]. Non-finite numbers are refused: they can't be ranked. */
  static build(vectors: Float32Array, dim: number): FlatIndex {
    const count = vectors.length / dim;
    if (!Number.isInteger(dim) || dim < 1 || !Number.isInteger(count)) {
      throw new InputError(
        'MR_INDEX_DIMENSION',
        `${vectors.length} numbers are not vectors of dimension ${dim}`,
      );
    }
    if (!vectors.every(Number.isFinite)) {
      throw new InputError('MR_INDEX_VECTOR', 'a vector holds a number that is not finite', {
        hint: 'The model that made the vectors has diverged: train it again with a lower learning rate.',
      });
    }
    const index = new FlatIndex(dim, count);
    for (let i = 0; i < count; i++) {
      index.#rows.set(vectors.subarray(i * dim, (i + 1) * dim), (i * index.#stride) / 4);
    }
    return index;
  }

  /** The k best ids, best first, equal scores by id; fewer when not so many are left. Blocks the thread. */
  search(query: Float32Array, k: number, { exclude, allow }: SearchOptions = {}): Ranked {
    if (query.length !== this.dim) {
      throw new InputError(
        'MR_INDEX_DIMENSION',
        `a query of ${query.length} numbers in an index of ${this.dim}`,
        {
          hint: 'Query vector and index must come from the same version.',
        },
      );
    }
    this.#query.set(query);
    const best = new TopK(Math.min(k, this.count));
    for (let from = 0; from < this.count; from += BLOCK_ROWS) {
      const rows = Math.min(BLOCK_ROWS, this.count - from);
      const address = this.#rowsAt + from * this.#stride;
      this.#kernel.dots(0, address, roundUp(rows, ROWS_AT_ONCE), this.#stride, this.#scoresAt);
      this.#collect(best, from, rows, exclude, allow);
    }
    return best.finish();
  }

  #collect(
    best: TopK,
    from: number,
    rows: number,
    exclude: Uint8Array | undefined,
    allow: Uint8Array | undefined,
  ): void {
    const scores = this.#scores;
    let { threshold } = best;
    for (let i = 0; i < rows; i++) {
      const score = scores[i] as number;
      // Ids rise, so one that only equals the worst of the best comes after it.
      if (score <= threshold || (exclude !== undefined && inBitmap(exclude, from + i))) continue;
      if (this.#gone.has(from + i) || (allow !== undefined && !inBitmap(allow, from + i))) continue;
      best.offer(from + i, score);
      threshold = best.threshold;
    }
  }

  get size(): number {
    return this.count - this.#gone.size;
  }

  put(id: number, vector: Float32Array): void {
    if (id >= this.count) this.#grow(id + 1);
    this.#gone.delete(id);
    this.#rows.set(vector, (id * this.#stride) / 4);
  }

  remove(id: number): boolean {
    if (id >= this.count || this.#gone.has(id)) return false;
    this.#gone.add(id);
    return true;
  }

  #grow(count: number): void {
    const { memory } = this.#kernel;
    const bytes = this.#rowsAt + roundUp(count, ROWS_AT_ONCE) * this.#stride;
    memory.grow(Math.max(0, Math.ceil(bytes / PAGE_BYTES) - memory.buffer.byteLength / PAGE_BYTES));
    const padded = this.#stride / 4;
    this.#query = new Float32Array(memory.buffer, 0, padded);
    this.#scores = new Float32Array(memory.buffer, this.#scoresAt, BLOCK_ROWS);
    this.#rows = new Float32Array(memory.buffer, this.#rowsAt, count * padded);
    for (let id = this.count; id < count - 1; id++) this.#gone.add(id);
    this.count = count;
  }

  /** The vector of an id; a copy. */
  vector(id: number): Float32Array {
    const at = (id * this.#stride) / 4;
    return this.#rows.slice(at, at + this.dim);
  }
}
