import type { VersionContents } from '../../artifact/port.ts';
import type { Calibrator } from '../../calibration/calibrator.ts';
import { fitIsotonic } from '../../calibration/isotonic.ts';
import { fitPlatt } from '../../calibration/platt.ts';
import type { RetrievalModel, TrainedModel } from '../../model.ts';
import { type ConfigOf, configured, type ModelConfig, type Parameters } from '../../parameters.ts';
import { seededRandom } from '../../random.ts';
import type { RankingDataset, RankingRows } from '../../ranking/dataset.ts';
import { openItemScorer } from '../../serving/item-scorer.ts';
import { type Execution, type Training, withResult } from '../../training.ts';
import { boostedTrees, type TreeData } from '../boosting.ts';
import type { TreeEnsemble } from '../ensemble.ts';
import { type Fold, foldsByGroup } from '../folds.ts';
import { lossNames, treeParameters } from '../parameters.ts';
import { TreeScorer } from '../scorer.ts';
import { readTrees, saveTrees } from '../storage.ts';
import { rowsAt, type TrainingRows } from '../training-rows.ts';
import { scoresOfRows } from './base-scores.ts';
import { baseFile, describeRanker, POSITION, RANKER_FILE, scoreColumn, TREES_FILE } from './files.ts';
import { type Phase, PhasedTraining } from './phases.ts';
import { propensities, withoutPlaces } from './position-bias.ts';

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
  positionBias: {
    default: 'feature',
    choices: ['feature', 'inverse-propensity', 'none'],
    about:
      'How worth is told from place: the place is a feature in training and the first one in answers, what was taken weighs by the inverse of how rarely its place is, or it is not.',
  },
  completedWeight: {
    default: 1,
    range: 'above 0',
    about: 'What an item weighs that was completed; one that was clicked, and one that was left, weighs 1.',
  },
  likedWeight: {
    default: 1,
    range: 'above 0',
    about: 'What an item weighs that was liked, rated well or bought.',
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
  let unbiased: Float64Array | undefined;
  const rowsOf = (results: readonly TrainedModel[]): Promise<TreeData> => {
    rows ??= treeData(dataset, { bases, versions: results.slice(0, before.length), options });
    return rows;
  };
  const placed: Phase[] = [];
  if (options.positionBias === 'inverse-propensity') {
    const byChance = { ...options, loss: 'logistic' as const };
    placed.push({
      steps: options.trees,
      async open(results) {
        const { train } = await rowsOf(results);
        const labels = train.labels.map((label) => Number(label > 0));
        return asTrees(await boostedTrees.open({ train: { ...train, labels } }, byChance, seed, execution));
      },
    });
  }
  /** As they are learned from once propensities are known, where they are to be. */
  const learnedFrom = async (results: readonly TrainedModel[]): Promise<TreeData> => {
    const data = await rowsOf(results);
    const ofPlaces = placed.length > 0 ? results[before.length + whole.length] : undefined;
    if (ofPlaces === undefined) return data;
    const position = data.train.columns.length - 1;
    unbiased ??= propensities(readTrees(ofPlaces.files[TREES_FILE] as Uint8Array), position, data.train);
    const { train, validation } = data;
    return {
      train: withoutPlaces(train, position, unbiased),
      ...(validation && { validation: withoutPlaces(validation, position, unbiased) }),
    };
  };
  const isCalibrated =
    options.loss === 'logistic' && options.calibration !== 'none' && dataset.train.lists.length > FOLDS;
  const folds = isCalibrated ? foldsByGroup(dataset.train.lists, FOLDS, seededRandom(seed)) : [];
  const trees: Phase[] = [...folds, undefined].map((fold) => ({
    steps: options.trees,
    async open(results) {
      const { train, validation } = await learnedFrom(results);
      const data =
        fold === undefined
          ? { train, ...(validation && { validation }) }
          : { train: rowsAt(train, fold.train) };
      return asTrees(await boostedTrees.open(data, options, seed, execution));
    },
  }));
  const phases = [...before, ...whole, ...placed, ...trees];
  return PhasedTraining.open(phases, async (results) => {
    const served = results.slice(before.length, before.length + whole.length);
    const ofFolds = results.slice(-trees.length, -1);
    const { train: plain } = await rowsOf(results);
    const { train } = await learnedFrom(results);
    const calibrator = isCalibrated
      ? calibratorOf({ ...train, ...placeWeights(train, plain) }, folds, ofFolds, options.calibration)
      : null;
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

function asTrees(training: Training<TreeEnsemble>): Training<TrainedModel> {
  return withResult(training, (ensemble) => ({ dimension: 0, files: { [TREES_FILE]: saveTrees(ensemble) } }));
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
  const { labels, weights } = train;
  return (kind === 'platt' ? fitPlatt : fitIsotonic)({ scores, labels, ...(weights && { weights }) });
}

/** What rows weigh for their place alone: what they weigh for their kind says nothing of chances. */
function placeWeights({ weights }: TrainingRows, plain: TrainingRows): Pick<TrainingRows, 'weights'> {
  return weights === undefined
    ? {}
    : { weights: weights.map((weight, row) => weight / (plain.weights?.[row] ?? 1)) };
}

type ScoredBy = {
  readonly bases: readonly RetrievalModel[];
  /** What each has come to without the rows that it scores. */
  readonly versions: readonly TrainedModel[];
  readonly options: Pick<ConfigOf<typeof rankerParameters>, 'loss' | 'positionBias' | WeightName>;
};

type WeightName = 'completedWeight' | 'likedWeight';

async function treeData({ train, validation }: RankingDataset, scoredBy: ScoredBy): Promise<TreeData> {
  return {
    train: await withScores(train, scoredBy),
    ...(validation && { validation: await withScores(validation, scoredBy) }),
  };
}

/** The rows with what each base model scored them, and their place in the answer. */
async function withScores(
  { columns, rows, values, grades, lists, positions, ...shown }: RankingRows,
  { bases, versions, options }: ScoredBy,
): Promise<TrainingRows> {
  const more: Float32Array[] = [];
  for (const [place, base] of bases.entries()) {
    const { files } = versions[place] as TrainedModel;
    const scorer = await openItemScorer(base.serving, (name) => files[name] as Uint8Array);
    more.push(await scoresOfRows(scorer, { rows, ...shown }));
    await scorer.close();
  }
  more.push(options.positionBias === 'none' ? positions.map(() => Number.NaN) : positions);
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
    labels: options.loss === 'logistic' ? grades.map((grade) => Number(grade > 0)) : grades,
    ...weightsOf(grades, options),
    groups: lists,
  };
}

/** None where all rows weigh the same. */
function weightsOf(
  grades: Float32Array,
  { completedWeight, likedWeight }: Pick<ScoredBy['options'], WeightName>,
): Pick<TrainingRows, 'weights'> {
  if (completedWeight === 1 && likedWeight === 1) return {};
  return { weights: grades.map((grade) => (grade === 2 ? completedWeight : grade === 3 ? likedWeight : 1)) };
}

function baseFiles(bases: readonly RetrievalModel[], versions: readonly TrainedModel[]): VersionContents {
  return Object.fromEntries(
    bases.flatMap(({ name: base }, place) => {
      const { files } = versions[place] as TrainedModel;
      return Object.entries(files).map(([name, bytes]) => [baseFile(base, name), bytes]);
    }),
  );
}
