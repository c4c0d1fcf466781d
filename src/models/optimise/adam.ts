export type AdamOptions = {
  readonly learningRate: number;
  /** Decoupled: the share of a weight, times the learning rate, that each update takes away (AdamW). */
  readonly weightDecay?: number;
};

export const adamBeta1 = 0.9;
export const adamBeta2 = 0.999;
export const adamEpsilon = 1e-8;

/** Adam (Kingma and Ba 2015) with decoupled weight decay (Loshchilov and Hutter 2019) over one dense array. */
export class Adam {
  readonly #options: AdamOptions;
  readonly #first: Float32Array;
  readonly #second: Float32Array;
  #steps = 0;

  constructor(size: number, options: AdamOptions) {
    this.#options = options;
    this.#first = new Float32Array(size);
    this.#second = new Float32Array(size);
  }

  /** Changes `weights` in place; `scale` multiplies the learning rate of this step (schedules). */
  update(weights: Float32Array, gradient: Float32Array, scale = 1): void {
    this.#steps++;
    const { learningRate, weightDecay = 0 } = this.#options;
    const rate = learningRate * scale;
    const keep = 1 - rate * weightDecay;
    const correction1 = 1 - adamBeta1 ** this.#steps;
    const correction2 = 1 - adamBeta2 ** this.#steps;
    const first = this.#first;
    const second = this.#second;
    for (let i = 0; i < weights.length; i++) {
      const g = gradient[i] as number;
      const m = adamBeta1 * (first[i] as number) + (1 - adamBeta1) * g;
      const v = adamBeta2 * (second[i] as number) + (1 - adamBeta2) * g * g;
      first[i] = m;
      second[i] = v;
      const move = (rate * m) / correction1 / (Math.sqrt(v / correction2) + adamEpsilon);
      weights[i] = keep * (weights[i] as number) - move;
    }
  }
}
