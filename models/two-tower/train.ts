import { type TrainingControl, type TrainingHistory, train } from '../training.ts';
import { type TwoTowerConfig, twoTowerDefaults } from './config.ts';
import type { TwoTowerData } from './data.ts';
import { type TwoTowerResult, twoTower } from './training.ts';

export type TrainedTwoTower = TwoTowerResult & {
  readonly history: TrainingHistory;
  /** Mean loss of each epoch: the learning curve. */
  readonly losses: readonly number[];
  /** Where it ran, and why not where it was asked to. */
  readonly provider: string;
  readonly fallbackReason: string | undefined;
};

/**
 * Trains a two-tower model from beginning to end. The calling thread is blocked for most of the time, so it should be a
 * worker's. Bad data is MR_MODEL_DATA, a bad configuration MR_MODEL_CONFIG, a loss that is no longer finite
 * MR_MODEL_DIVERGED.
 */
export async function trainTwoTower(
  data: TwoTowerData,
  overrides: Partial<TwoTowerConfig> = {},
  control: TrainingControl = {},
): Promise<TrainedTwoTower> {
  const training = await twoTower.open(data, overrides, overrides.seed ?? twoTowerDefaults.seed);
  try {
    const history = await train(training, control);
    const { provider, fallbackReason } = training;
    const losses = history.epochs.map(({ loss }) => loss);
    return { ...(await training.result()), history, losses, provider, fallbackReason };
  } finally {
    await training.close();
  }
}
