import type { Random } from '../random.ts';
import type { AdamOptions } from './adam.ts';
import { createOptimiser, type Optimiser, type OptimiserOptions } from './optimiser.ts';

/**
 * A table of embeddings [rows, width] of which a step reads and changes a few rows only: they are copied out into
 * the feed of a graph and changed by their gradients. The rest costs nothing, however long the table is.
 */
export class EmbeddingTable {
  readonly rows: number;
  readonly width: number;
  /** Row-major [rows, width]. */
  readonly weights: Float32Array;
  readonly optimiser: Optimiser;

  /** Weights start normal with the deviation `scale`. The optimiser is Adam where its kind is not named. */
  constructor(
    rows: number,
    width: number,
    scale: number,
    random: Random,
    options: OptimiserOptions | AdamOptions,
  ) {
    this.rows = rows;
    this.width = width;
    this.weights = new Float32Array(rows * width);
    for (let i = 0; i < this.weights.length; i++) this.weights[i] = scale * random.normal();
    this.optimiser = createOptimiser({ kind: 'adam', ...options }, rows, width);
  }

  /** The rows of `ids`, one after another: [ids.length, width]. */
  gather(ids: Int32Array): Float32Array {
    const { width, weights } = this;
    const gathered = new Float32Array(ids.length * width);
    for (let k = 0; k < ids.length; k++) {
      const row = (ids[k] as number) * width;
      gathered.set(weights.subarray(row, row + width), k * width);
    }
    return gathered;
  }

  /** Changes the rows of `ids`, which must be distinct, by their gradients [ids.length, width]. */
  update(ids: Int32Array, gradients: Float32Array, scale = 1): void {
    this.optimiser.update(this.weights, gradients, scale, ids);
  }
}
