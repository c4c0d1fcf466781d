import type { Optimiser } from './optimiser.ts';

export type SgdOptions = {
  readonly learningRate: number;
  /** Decoupled: the share of a weight, times the learning rate, that each update takes away. */
  readonly weightDecay?: number;
  /** How much of its last move a weight repeats; 0 is plain gradient descent. */
  readonly momentum?: number;
};

/** Stochastic gradient descent with momentum (Polyak 1964). Of rows, those without a gradient rest. */
export class Sgd implements Optimiser {
  readonly state: ReadonlyMap<string, Float32Array>;
  readonly #options: SgdOptions;
  readonly #width: number;
  readonly #velocity: Float32Array;

  /** For `size` weights in rows of `width`; one row when absent. */
  constructor(size: number, options: SgdOptions, width = size) {
    this.#options = options;
    this.#width = width;
    this.#velocity = new Float32Array(size);
    this.state = new Map([['velocity', this.#velocity]]);
  }

  update(weights: Float32Array, gradient: Float32Array, scale = 1, ids?: Int32Array): void {
    const width = this.#width;
    const velocity = this.#velocity;
    const { learningRate, weightDecay = 0, momentum = 0 } = this.#options;
    const rate = learningRate * scale;
    const keep = 1 - rate * weightDecay;
    const rows = ids?.length ?? (width === 0 ? 0 : weights.length / width);
    for (let k = 0; k < rows; k++) {
      const start = (ids === undefined ? k : (ids[k] as number)) * width;
      for (let i = start, j = k * width; i < start + width; i++, j++) {
        const moved = momentum * (velocity[i] as number) + (gradient[j] as number);
        velocity[i] = moved;
        weights[i] = keep * (weights[i] as number) - rate * moved;
      }
    }
  }
}
