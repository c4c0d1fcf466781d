import { invariant } from '#platform';

/** The vectors of items as a version gives them, each in a row of one matrix that grows. */
export class KnownVectors {
  readonly dim: number;
  readonly #rows = new Map<string, number>();
  readonly #free: number[] = [];
  #matrix: Float32Array;

  constructor(dim: number) {
    this.dim = dim;
    this.#matrix = new Float32Array(1024 * dim);
  }

  get size(): number {
    return this.#rows.size;
  }

  ids(): string[] {
    return [...this.#rows.keys()].sort();
  }

  /** A view, which the next change may put elsewhere. */
  get(id: string): Float32Array | undefined {
    const row = this.#rows.get(id);
    return row === undefined ? undefined : this.#matrix.subarray(row * this.dim, (row + 1) * this.dim);
  }

  /** The vectors of these, one after another. */
  matrix(ids: readonly string[]): Float32Array {
    const matrix = new Float32Array(ids.length * this.dim);
    ids.forEach((id, row) => {
      const vector = this.get(id);
      invariant(vector !== undefined, `${id} has a vector`);
      matrix.set(vector, row * this.dim);
    });
    return matrix;
  }

  put(id: string, vector: Float32Array): void {
    const row = this.#rows.get(id) ?? this.#newRow();
    this.#rows.set(id, row);
    this.#matrix.set(vector, row * this.dim);
  }

  /** Whether it was there. */
  remove(id: string): boolean {
    const row = this.#rows.get(id);
    if (row === undefined) return false;
    this.#rows.delete(id);
    this.#free.push(row);
    return true;
  }

  #newRow(): number {
    const row = this.#free.pop() ?? this.#rows.size;
    if ((row + 1) * this.dim > this.#matrix.length) {
      const larger = new Float32Array(this.#matrix.length * 2);
      larger.set(this.#matrix);
      this.#matrix = larger;
    }
    return row;
  }
}
