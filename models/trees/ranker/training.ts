import type { VersionContents } from '../../artifact/port.ts';
import type { Calibrator } from '../../calibration/calibrator.ts';
import { fitIsotonic } from '../../calibration/isotonic.ts';
import { fitPlatt } from '../../calibration/platt.ts';
import type { RetrievalModel, TrainedModel } from '../../model.ts';
import { configured, type ModelConfig, type Parameters } from '../../parameters.ts';
import { seededRandom } from '../../random.ts';
import type { RankingDataset, RankingRows } from '../../ranking/dataset.ts';
import { openItemScorer } from '../../serving/item-scorer.ts';
import { type Execution, type Training, withResult } from '../../training.ts';
import { boostedTrees, type TreeData } from '../boosting.ts';
import { type Fold, foldsByGroup } from '../folds.ts';
import { type LossName, lossNames, treeParameters } from '../parameters.ts';
import { TreeScorer } from '../scorer.ts';
import { readTrees, saveTrees } from '../storage.ts';
import { rowsAt, type TrainingRows } from '../training-rows.ts';
import { scoresOfRows } from './base-scores.ts';
import { baseFile, describeRanker, POSITION, RANKER_FILE, scoreColumn, TREES_FILE } from './files.ts';
import { type Phase, PhasedTraining } from './phases.ts';

export const rankerParameters = {
  loss: {
    default: 'logistic',
    choices: lossNames,
    about:
      'Whether each item was taken (`logistic`), how much came of it (`squared`), or the order of lists.',
  },
  calibration: {
    default: 'platt',
    choices: ['platt', 'isotonic', 'none'],
    about: 'How scores of the logistic loss become chances, by rows that their trees have not seen.',
  },
  ...treeParameters,
  // From 100,000 simulated events, larger trees learn what single users did: they show 5% fewer items that are clicked.
  leaves: { ...treeParameters.leaves, default: 7 },
  learningRate: { ...treeParameters.learningRate, default: 0.03 },
  minRows: { ...treeParameters.minRows, default: 100 },
} as const satisfies Parameters;

/** Parts of the lists that calibration holds out in turn. */
const FOLDS = 2;

export type RankerTraining = {
  readonly bases: readonly RetrievalModel[];
  readonly config: ModelConfig;
  readonly seed: number;
  readonly execution?: Execution | undefined;
};

/**
 * Trees over features and the scores of base models, which are trained twice: on what was done before the rows that the
 * trees learn from, so that no score has seen its label, and on all, to be served. Errors: MR_MODEL_DATA, MR_MODEL_CONFIG.
 */
export async function trainRanker(
  dataset: RankingDataset,
  { bases, config, seed, execution }: RankerTraining,
): Promise<Training<TrainedModel>> {
  const options = configured(rankerParameters, config);
  const learned = async (part: 'before' | 'whole'): Promise<Phase[]> => {
    const data = dataset.retrieval?.[part];
    if (data === undefined) return [];
    return Promise.all(
      bases.map(async (base): Promise<Phase> => {
        const training = await base.open(data, {}, seed, execution);
        const steps = training.epochs * training.stepsPerEpoch;
        await training.close();
        return { steps, open: () => base.open(data, {}, seed, execution) };
      }),
    );
  };
  const [before, whole] = [await learned('before'), await learned('whole')];
  let rows: Promise<TreeData> | undefined;
  const rowsOf = (results: readonly TrainedModel[]): Promise<TreeData> => {
    rows ??= treeData(dataset, { bases, versions: results.slice(0, before.length), loss: options.loss });
    return rows;
  };
  const isCalibrated =
    options.loss === 'logistic' && options.calibration !== 'none' && dataset.train.lists.length > FOLDS;
  const folds = isCalibrated ? foldsByGroup(dataset.train.lists, FOLDS, seededRandom(seed)) : [];
  const trees: Phase[] = [...folds, undefined].map((fold) => ({
    steps: options.trees,
    async open(results) {
      const { train, validation } = await rowsOf(results);
      const data =
        fold === undefined
          ? { train, ...(validation && { validation }) }
          : { train: rowsAt(train, fold.train) };
      const training = await boostedTrees.open(data, options, seed, execution);
      return withResult(training, (ensemble) => ({
        dimension: 0,
        files: { [TREES_FILE]: saveTrees(ensemble) },
      }));
    },
  }));
  return PhasedTraining.open([...before, ...whole, ...trees], async (results) => {
    const served = results.slice(before.length, before.length + whole.length);
    const ofFolds = results.slice(before.length + whole.length, -1);
    const { train } = await rowsOf(results);
    const calibrator = isCalibrated ? calibratorOf(train, folds, ofFolds, options.calibration) : null;
    return {
      dimension: 0,
      files: {
        ...results.at(-1)?.files,
        ...baseFiles(bases, served),
        [RANKER_FILE]: describeRanker(dataset, { bases, calibrator }),
      },
    };
  });
}

/** Fitted to scores by trees that have not seen the label: those of the fold that holds the row out. */
function calibratorOf(
  train: TrainingRows,
  folds: readonly Fold[],
  versions: readonly TrainedModel[],
  kind: 'platt' | 'isotonic' | 'none',
): Calibrator {
  const scores = new Float64Array(train.rows);
  folds.forEach(({ validation }, fold) => {
    const held = rowsAt(train, validation);
    const own = new Float64Array(held.rows);
    const scorer = new TreeScorer(readTrees(versions[fold]?.files[TREES_FILE] as Uint8Array));
    scorer.score(held.values, held.rows, own);
    validation.forEach((row, place) => {
      scores[row] = own[place] as number;
    });
  });
  return (kind === 'platt' ? fitPlatt : fitIsotonic)({ scores, labels: train.labels });
}

type ScoredBy = {
  readonly bases: readonly RetrievalModel[];
  /** What each has come to without the rows that it scores. */
  readonly versions: readonly TrainedModel[];
  readonly loss: LossName;
};

async function treeData({ train, validation }: RankingDataset, scoredBy: ScoredBy): Promise<TreeData> {
  return {
    train: await withScores(train, scoredBy),
    ...(validation && { validation: await withScores(validation, scoredBy) }),
  };
}

/** The rows with what each base model scored them, and their place in the answer. */
async function withScores(
  { columns, rows, values, grades, lists, positions, ...shown }: RankingRows,
  { bases, versions, loss }: ScoredBy,
): Promise<TrainingRows> {
  const more: Float32Array[] = [];
  for (const [place, base] of bases.entries()) {
    const { files } = versions[place] as TrainedModel;
    const scorer = await openItemScorer(base.serving, (name) => files[name] as Uint8Array);
    more.push(await scoresOfRows(scorer, { rows, ...shown }));
    await scorer.close();
  }
  more.push(positions);
  const width = columns.length + more.length;
  const wider = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    wider.set(values.subarray(row * columns.length, (row + 1) * columns.length), row * width);
    more.forEach((column, i) => {
      wider[row * width + columns.length + i] = column[row] as number;
    });
  }
  return {
    columns: [...columns, ...bases.map(({ name }) => scoreColumn(name)), POSITION],
    rows,
    values: wider,
    labels: loss === 'logistic' ? grades.map((grade) => Number(grade > 0)) : grades,
    groups: lists,
  };
}

function baseFiles(bases: readonly RetrievalModel[], versions: readonly TrainedModel[]): VersionContents {
  return Object.fromEntries(
    bases.flatMap(({ name: base }, place) => {
      const { files } = versions[place] as TrainedModel;
      return Object.entries(files).map(([name, bytes]) => [baseFile(base, name), bytes]);
    }),
  );
}
