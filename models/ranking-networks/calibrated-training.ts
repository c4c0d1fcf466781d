import { errorCode } from '#platform';
import type { VersionContents } from '../artifact/port.ts';
import type { Calibrator } from '../calibration/calibrator.ts';
import { fitIsotonic } from '../calibration/isotonic.ts';
import { fitPlatt } from '../calibration/platt.ts';
import type { TrainedModel } from '../model.ts';
import type { ChoiceParameter } from '../parameters.ts';
import { seededRandom } from '../random.ts';
import { checkLists } from '../ranking/check-lists.ts';
import type { RankingDataset, RankingRows } from '../ranking/dataset.ts';
import type { ListScorer } from '../ranking/port.ts';
import { rowScores, shownScores } from '../ranking/row-scores.ts';
import type { Training } from '../training.ts';
import { type Fold, foldsByGroup } from '../trees/folds.ts';
import { rankingRowsAt } from './chosen-rows.ts';
import { listMetrics } from './list-metrics.ts';
import { sealed } from './sealed-files.ts';
import { SideBySide } from './side-by-side.ts';

export const calibrationParameter = {
  default: 'platt',
  choices: ['platt', 'isotonic', 'none'],
  about: 'How scores become chances, by lists that the network which scores them has not seen.',
} as const satisfies ChoiceParameter;

/** A network that learns from lists. */
export type ListNetwork<Result> = {
  /** Errors: MR_MODEL_DATA, MR_MODEL_CONFIG. */
  open(rows: RankingRows): Promise<Training<Result>>;
  scorer(result: Result): Promise<ListScorer>;
  files(result: Result, calibrator: Calibrator | null): VersionContents;
};

type Options = {
  readonly calibration: (typeof calibrationParameter.choices)[number];
  readonly seed: number;
};

/** Folds that calibration holds out in turn, of whole lists. */
const FOLDS = 2;

/**
 * Trains the network, and beside it, epoch by epoch, one for each fold, which scores the lists that it has not seen: these
 * scores calibrate. Validation ranks the validation lists as answers would. Where no folds can be learned from, because
 * there are too few lists, scores stay what they are.
 */
export async function trainCalibrated<Result>(
  { train, validation }: Pick<RankingDataset, 'train' | 'validation'>,
  network: ListNetwork<Result>,
  { calibration, seed }: Options,
): Promise<Training<TrainedModel>> {
  checkLists(train);
  if (validation !== undefined) checkLists(validation);
  const whole = await network.open(train);
  const folds =
    calibration === 'none' ? [] : await openFolds(train, network, seed).catch(afterClosing(whole));
  const training = new SideBySide([whole, ...folds.map(({ training: own }) => own)]);
  return {
    epochs: training.epochs,
    stepsPerEpoch: training.stepsPerEpoch,
    provider: training.provider,
    fallbackReason: training.fallbackReason,
    step: () => training.step(),
    async validate() {
      if (validation === undefined) return undefined;
      return withScorer(network, await whole.result(), async (scorer) => {
        const scores = await rowScores(scorer, validation);
        return scores && listMetrics(validation, scores);
      });
    },
    save: () => training.save(),
    restore: (checkpoint) => training.restore(checkpoint),
    async result() {
      const [result, ...ofFolds] = await training.result();
      const calibrator =
        folds.length === 0 || calibration === 'none'
          ? null
          : await calibratorOf(train, network, { folds, results: ofFolds, calibration });
      return { dimension: 0, files: sealed(network.files(result as Result, calibrator)) };
    },
    close: () => training.close(),
  };
}

function afterClosing(training: Training<unknown>): (error: unknown) => Promise<never> {
  return async (error) => {
    await training.close();
    throw error;
  };
}

type OpenFold<Result> = { readonly fold: Fold; readonly training: Training<Result> };

/** None where the lists are too few, or those of a fold have nothing to be learned. */
async function openFolds<Result>(
  train: RankingRows,
  network: ListNetwork<Result>,
  seed: number,
): Promise<readonly OpenFold<Result>[]> {
  if (train.lists.length <= FOLDS) return [];
  const open: OpenFold<Result>[] = [];
  try {
    for (const fold of foldsByGroup(train.lists, FOLDS, seededRandom(seed))) {
      open.push({ fold, training: await network.open(rankingRowsAt(train, fold.train)) });
    }
    return open;
  } catch (error) {
    await Promise.all(open.map(({ training }) => training.close()));
    if (errorCode(error) === 'MR_MODEL_DATA') return [];
    throw error;
  }
}

async function calibratorOf<Result>(
  train: RankingRows,
  network: ListNetwork<Result>,
  {
    folds,
    results,
    calibration,
  }: {
    readonly folds: readonly OpenFold<Result>[];
    readonly results: readonly Result[];
    readonly calibration: 'platt' | 'isotonic';
  },
): Promise<Calibrator> {
  const scores = new Float64Array(train.rows);
  for (const [place, { fold }] of folds.entries()) {
    const held = rankingRowsAt(train, fold.validation);
    const own = await withScorer(network, results[place] as Result, (scorer) => shownScores(scorer, held));
    fold.validation.forEach((row, i) => {
      scores[row] = own?.[i] as number;
    });
  }
  const labels = train.grades.map((grade) => Number(grade > 0));
  return (calibration === 'platt' ? fitPlatt : fitIsotonic)({ scores, labels });
}

async function withScorer<Result, T>(
  network: ListNetwork<Result>,
  result: Result,
  work: (scorer: ListScorer) => Promise<T>,
): Promise<T> {
  const scorer = await network.scorer(result);
  try {
    return await work(scorer);
  } finally {
    await scorer.close();
  }
}
