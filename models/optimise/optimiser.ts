import { type Checkpoint, type CheckpointArray, restoreArray } from '../checkpoint.ts';
import { Adam } from './adam.ts';
import { RowWiseAdagrad } from './row-wise-adagrad.ts';
import { Sgd } from './sgd.ts';

/** Changes the weights of one parameter, a matrix [rows, width] in typed arrays, by their gradients. */
export interface Optimiser {
  /**
   * Changes `weights` in place. Without `ids` the gradient is of all rows. With them it is [ids.length, width], ids are
   * distinct, and the other rows and what is kept for them stay as they are. `scale` multiplies the learning rate of this
   * step (schedules).
   */
  update(weights: Float32Array, gradient: Float32Array, scale?: number, ids?: Int32Array): void;
  /** What it keeps from step to step, by name: the arrays themselves, for checkpoints. */
  readonly state: ReadonlyMap<string, CheckpointArray>;
}

export type OptimiserOptions = {
  readonly learningRate: number;
  /** Decoupled: the share of a weight, times the learning rate, that each update takes away (AdamW). */
  readonly weightDecay?: number;
} & (
  | { readonly kind: 'adam'; readonly beta1?: number; readonly beta2?: number }
  | { readonly kind: 'sgd'; readonly momentum?: number }
  | { readonly kind: 'row-wise-adagrad' }
);

/** For a parameter [rows, width] of which steps change rows; for one that changes as a whole, one row will do. */
export function createOptimiser(options: OptimiserOptions, rows: number, width: number): Optimiser {
  if (options.kind === 'sgd') return new Sgd(rows * width, options, width);
  if (options.kind === 'row-wise-adagrad') return new RowWiseAdagrad(rows, width, options);
  return new Adam(rows * width, options, width);
}

/** Copies of the weights and of their optimiser's state, under names that begin with `name`. */
export function saveWeights(
  into: Map<string, CheckpointArray>,
  name: string,
  weights: Float32Array,
  { state }: Pick<Optimiser, 'state'>,
): void {
  into.set(name, weights.slice());
  for (const [key, array] of state) into.set(`${name}/${key}`, array.slice());
}

/** The reverse of `saveWeights`; MR_MODEL_CHECKPOINT where it was saved of other shapes, or not at all. */
export function restoreWeights(
  from: Checkpoint,
  name: string,
  weights: Float32Array,
  { state }: Pick<Optimiser, 'state'>,
): void {
  restoreArray(from, name, weights);
  for (const [key, array] of state) restoreArray(from, `${name}/${key}`, array);
}
