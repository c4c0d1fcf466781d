import type { Optimiser } from './optimiser.ts';

export type RowWiseAdagradOptions = {
  readonly learningRate: number;
  /** Decoupled: the share of a weight, times the learning rate, that each update takes away. */
  readonly weightDecay?: number;
};

const epsilon = 1e-8;

/**
 * Adagrad (Duchi et al. 2011) with one number for each row instead of one for each weight, the sum of the mean squares
 * of its gradients, as in DLRM (Naumov et al. 2019): of ten million rows of 64 it keeps 40 MB where Adam keeps 5 GB.
 */
export class RowWiseAdagrad implements Optimiser {
  readonly state: ReadonlyMap<string, Float32Array>;
  readonly #options: RowWiseAdagradOptions;
  readonly #width: number;
  readonly #squares: Float32Array;

  constructor(rows: number, width: number, options: RowWiseAdagradOptions) {
    this.#options = options;
    this.#width = width;
    this.#squares = new Float32Array(rows);
    this.state = new Map([['squares', this.#squares]]);
  }

  update(weights: Float32Array, gradient: Float32Array, scale = 1, ids?: Int32Array): void {
    const width = this.#width;
    const { learningRate, weightDecay = 0 } = this.#options;
    const keep = 1 - learningRate * scale * weightDecay;
    const rows = ids?.length ?? this.#squares.length;
    for (let k = 0; k < rows; k++) {
      const row = ids === undefined ? k : (ids[k] as number);
      let square = 0;
      for (let j = k * width; j < (k + 1) * width; j++) square += (gradient[j] as number) ** 2;
      const squares = (this.#squares[row] as number) + square / width;
      this.#squares[row] = squares;
      const rate = (learningRate * scale) / (Math.sqrt(squares) + epsilon);
      for (let i = row * width, j = k * width; j < (k + 1) * width; i++, j++) {
        weights[i] = keep * (weights[i] as number) - rate * (gradient[j] as number);
      }
    }
  }
}
