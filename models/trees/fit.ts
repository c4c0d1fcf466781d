import type { Checkpoint } from '../checkpoint.ts';
import { type Execution, type TrainingControl, type TrainingHistory, train } from '../training.ts';
import { boostedTrees } from './boosting.ts';
import type { TreeEnsemble } from './ensemble.ts';
import { losses } from './losses/losses.ts';
import type { TreeOptions } from './parameters.ts';
import type { TrainingRows } from './training-rows.ts';

export type FitControl = Pick<Execution, 'threads' | 'host'> &
  Pick<TrainingControl, 'onProgress' | 'signal' | 'checkpoints'> & {
    readonly seed?: number;
    readonly validation?: TrainingRows;
    /** Stops after this many trees that made the validation's metric no better, and goes back to the best. */
    readonly patience?: number;
    readonly resumeFrom?: Checkpoint;
  };

export type FittedTrees = { readonly ensemble: TreeEnsemble; readonly history: TrainingHistory };

/**
 * Trains trees on rows. Equal rows, options and seed give equal bytes on any number of threads. Bad rows are MR_MODEL_DATA,
 * bad options MR_MODEL_CONFIG.
 */
export async function fitTrees(
  rows: TrainingRows,
  options: TreeOptions,
  { seed = 0, validation, patience, threads, host, ...control }: FitControl = {},
): Promise<FittedTrees> {
  const data = validation === undefined ? { train: rows } : { train: rows, validation };
  const execution = { ...(threads !== undefined && { threads }), ...(host !== undefined && { host }) };
  const training = await boostedTrees.open(data, options, seed, execution);
  try {
    const earlyStopping = patience !== undefined && { metric: losses[options.loss].metric.name, patience };
    const history = await train(training, { ...control, ...(earlyStopping && { earlyStopping }) });
    return { ensemble: await training.result(), history };
  } finally {
    await training.close();
  }
}
