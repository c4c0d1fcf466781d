import type { Random } from '../../random.ts';
import type { TrainingRows } from '../training-rows.ts';

/** A loss on the rows that it was made for. */
export type Loss = {
  /** The score that all rows begin with. */
  readonly base: number;
  /**
   * Writes the first and the second derivative of each row's loss by its score to `derivatives`, [rows, 2], before weights.
   * Returns the mean loss.
   */
  derive(scores: Float64Array, derivatives: Float64Array, random: Random): number;
};

/** Judges scores of the rows that it was made for; higher is better. */
export type Metric = (scores: Float64Array) => number;

export type LossKind = {
  /** MR_MODEL_DATA for labels that it does not take. */
  check(rows: TrainingRows): void;
  open(rows: TrainingRows): Loss;
  readonly metric: { readonly name: string; open(rows: TrainingRows): Metric };
};
