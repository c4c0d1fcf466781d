import type { Optimiser } from './optimiser.ts';

export type AdamOptions = {
  readonly learningRate: number;
  /** Decoupled: the share of a weight, times the learning rate, that each update takes away (AdamW). */
  readonly weightDecay?: number;
  /** How much of its mean and of its mean square the gradient of a step leaves: 0.9 and 0.999. */
  readonly beta1?: number;
  readonly beta2?: number;
};

const epsilon = 1e-8;

/**
 * Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019). Of rows it is lazy: moments and
 * weights of a row change when the row has a gradient, so a rare row keeps its moments over the steps that don't touch
 * it. The bias correction counts each row's own updates, so that the first update of a row met late is as large as that
 * of one met at once.
 */
export class Adam implements Optimiser {
  readonly state: ReadonlyMap<string, Float32Array | Uint32Array>;
  readonly #options: AdamOptions;
  readonly #width: number;
  readonly #first: Float32Array;
  readonly #second: Float32Array;
  readonly #updates: Uint32Array;

  /** For `size` weights in rows of `width`; one row when absent. */
  constructor(size: number, options: AdamOptions, width = size) {
    this.#options = options;
    this.#width = width;
    this.#first = new Float32Array(size);
    this.#second = new Float32Array(size);
    this.#updates = new Uint32Array(width === 0 ? 0 : size / width);
    this.state = new Map<string, Float32Array | Uint32Array>([
      ['first moment', this.#first],
      ['second moment', this.#second],
      ['updates', this.#updates],
    ]);
  }

  update(weights: Float32Array, gradient: Float32Array, scale = 1, ids?: Int32Array): void {
    const width = this.#width;
    const rows = ids?.length ?? this.#updates.length;
    for (let k = 0; k < rows; k++) {
      const row = ids === undefined ? k : (ids[k] as number);
      this.#updateRow(weights, gradient, row, row * width, k * width, scale);
    }
  }

  /** Weights from `at` on, by gradients from `gradientAt` on. */
  #updateRow(
    weights: Float32Array,
    gradient: Float32Array,
    row: number,
    at: number,
    gradientAt: number,
    scale: number,
  ): void {
    const updates = (this.#updates[row] as number) + 1;
    this.#updates[row] = updates;
    const { learningRate, weightDecay = 0, beta1 = 0.9, beta2 = 0.999 } = this.#options;
    const rate = learningRate * scale;
    const keep = 1 - rate * weightDecay;
    const correction1 = 1 - beta1 ** updates;
    const correction2 = 1 - beta2 ** updates;
    const first = this.#first;
    const second = this.#second;
    const end = at + this.#width;
    for (let i = at, j = gradientAt; i < end; i++, j++) {
      const g = gradient[j] as number;
      const m = beta1 * (first[i] as number) + (1 - beta1) * g;
      const v = beta2 * (second[i] as number) + (1 - beta2) * g * g;
      first[i] = m;
      second[i] = v;
      const move = (rate * m) / correction1 / (Math.sqrt(v / correction2) + epsilon);
      weights[i] = keep * (weights[i] as number) - move;
    }
  }
}
