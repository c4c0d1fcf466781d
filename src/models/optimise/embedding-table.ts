import type { Random } from '../random.ts';
import { type AdamOptions, adamBeta1, adamBeta2, adamEpsilon } from './adam.ts';

/**
 * A table of embeddings [rows, width] of which a step reads and changes a few rows only: they are copied out into
 * the feed of a graph and changed by their gradients. The rest costs nothing, however long the table is.
 *
 * The optimiser is lazy Adam: moments and weights of a row change when the row has a gradient, so a rare row keeps
 * its moments over the steps that don't touch it. The bias correction counts each row's own updates, so that the
 * first update of a row met late is as large as that of one met at once.
 */
export class EmbeddingTable {
  readonly rows: number;
  readonly width: number;
  /** Row-major [rows, width]. */
  readonly weights: Float32Array;
  readonly #options: AdamOptions;
  readonly #first: Float32Array;
  readonly #second: Float32Array;
  readonly #updates: Uint32Array;

  /** Weights start normal with the deviation `scale`. */
  constructor(rows: number, width: number, scale: number, random: Random, options: AdamOptions) {
    this.rows = rows;
    this.width = width;
    this.weights = Float32Array.from({ length: rows * width }, () => scale * random.normal());
    this.#options = options;
    this.#first = new Float32Array(rows * width);
    this.#second = new Float32Array(rows * width);
    this.#updates = new Uint32Array(rows);
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
    const { width, weights } = this;
    const { learningRate, weightDecay = 0 } = this.#options;
    const first = this.#first;
    const second = this.#second;
    const rate = learningRate * scale;
    const keep = 1 - rate * weightDecay;
    for (let k = 0; k < ids.length; k++) {
      const id = ids[k] as number;
      const updates = (this.#updates[id] as number) + 1;
      this.#updates[id] = updates;
      const correction1 = 1 - adamBeta1 ** updates;
      const correction2 = 1 - adamBeta2 ** updates;
      for (let i = id * width, j = k * width; j < (k + 1) * width; i++, j++) {
        const g = gradients[j] as number;
        const m = adamBeta1 * (first[i] as number) + (1 - adamBeta1) * g;
        const v = adamBeta2 * (second[i] as number) + (1 - adamBeta2) * g * g;
        first[i] = m;
        second[i] = v;
        const move = (rate * m) / correction1 / (Math.sqrt(v / correction2) + adamEpsilon);
        weights[i] = keep * (weights[i] as number) - move;
      }
    }
  }
}
