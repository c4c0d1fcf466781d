import type { VersionContents } from '../../artifact/port.ts';
import type { Calibrator } from '../../calibration/calibrator.ts';
import { fitIsotonic } from '../../calibration/isotonic.ts';
import { fitPlatt } from '../../calibration/platt.ts';
import type { RetrievalModel, TrainedModel } from '../../model.ts';
import { type ConfigOf, configured, type ModelConfig, type Parameters } from '../../parameters.ts';
import { seededRandom } from '../../random.ts';
import { checkLists } from '../../ranking/check-lists.ts';
import type { RankingDataset, RankingRows } from '../../ranking/dataset.ts';
import { type KindWeights, kindWeightParameters, kindWeights } from '../../ranking/kind-weights.ts';
import { listMetrics } from '../../ranking-networks/list-metrics.ts';
import { SideBySide } from '../../ranking-networks/side-by-side.ts';
import { openItemScorer } from '../../serving/item-scorer.ts';
import { type Execution, type Training, withResult } from '../../training.ts';
import { boostedTrees, type TreeData } from '../boosting.ts';
import type { TreeEnsemble } from '../ensemble.ts';
import { type Fold, foldsByGroup } from '../folds.ts';
import { lossNames, treeParameters } from '../parameters.ts';
import { TreeScorer } from '../scorer.ts';
import { readTrees, saveTrees } from '../storage.ts';
import { rowsAt, type TrainingRows } from '../training-rows.ts';
import { BasePhase } from './base-phase.ts';
import { scoresOfRows, wideRows } from './base-scores.ts';
import { baseFile, describeRanker, POSITION, RANKER_FILE, scoreColumn, TREES_FILE } from './files.ts';
import { type LastPhase, type Phase, PhasedTraining } from './phases.ts';
import { propensities, withoutPlaces } from './position-bias.ts';
import { roundsOf, TreeRounds } from './tree-rounds.ts';

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
  ...kindWeightParameters,
  ...treeParameters,
  // From 100,000 simulated events, larger trees learn what single users did: they show 5% fewer items that are clicked.
  leaves: { ...treeParameters.leaves, default: 7 },
  learningRate: { ...treeParameters.learningRate, default: 0.03 },
  minRows: { ...treeParameters.minRows, default: 100 },
} as const satisfies Parameters;

/** Beside those, of a ranker that ranks by the scores of base models. */
export const foundParameter = {
  foundShare: {
    default: 1,
    range: 'above 0',
    most: 1,
    about:
      'Share of a list’s uniformly drawn negatives (`snapshots.negatives`) to learn from: those that the first base model ranks highest, as its index would have found them. Lists whose taken items it ranks lower are left out.',
  },
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
  const options = configured({ ...rankerParameters, ...foundParameter }, config);
  checkLists(dataset.train);
  if (dataset.validation !== undefined) checkLists(dataset.validation);
  const openingsOn = (part: 'before' | 'whole') => {
    const data = dataset.retrieval?.[part];
    return data === undefined ? [] : bases.map((base) => () => base.open(data, {}, seed, execution));
  };
  const openings = { before: openingsOn('before'), whole: openingsOn('whole') };
  const opened = await BasePhase.openAll([...openings.before, ...openings.whole]);
  const [before, whole] = [opened.slice(0, openings.before.length), opened.slice(openings.before.length)];
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
        const training = await boostedTrees.open({ train: { ...train, labels } }, byChance, seed, execution);
        return withResult(training, (ensemble) => ({ dimension: 0, files: treesFile(ensemble) }));
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
      ...data,
      train: withoutPlaces(train, position, unbiased),
      ...(validation && { validation: withoutPlaces(validation, position, unbiased) }),
    };
  };
  const isCalibrated =
    options.loss === 'logistic' && options.calibration !== 'none' && canBeFolded(dataset.train, seed);
  const foldsOf = ({ groups }: TrainingRows): readonly Fold[] =>
    isCalibrated ? foldsByGroup(groups as Int32Array, FOLDS, seededRandom(seed)) : [];
  // All are grown side by side, so that stopping early stops them after equally many trees: the folds' scores calibrate.
  const trees: LastPhase<readonly TreeEnsemble[]> = {
    epochs: roundsOf(options.trees),
    stepsPerEpoch: isCalibrated ? 1 + FOLDS : 1,
    async open(results) {
      const data = await learnedFrom(results);
      const parts = [
        data,
        ...foldsOf(data.train).map((fold): TreeData => ({ train: rowsAt(data.train, fold.train) })),
      ];
      return openSideBySide(
        parts.map(
          (part) => async () => new TreeRounds(await boostedTrees.open(part, options, seed, execution)),
        ),
      );
    },
  };
  return PhasedTraining.open(
    [...before, ...whole, ...placed],
    trees,
    async (results, [served, ...ofFolds]) => {
      const servedBases = results.slice(before.length, before.length + whole.length);
      const { train: plain } = await rowsOf(results);
      const { train } = await learnedFrom(results);
      const calibrator = isCalibrated
        ? calibratorOf(
            { ...train, ...placeWeights(train, plain) },
            foldsOf(train),
            ofFolds,
            options.calibration,
          )
        : null;
      const { roots, columns } = served as TreeEnsemble;
      return {
        dimension: 0,
        sizes: { trees: roots.length, columns: columns.length },
        files: {
          ...treesFile(served as TreeEnsemble),
          ...baseFiles(bases, servedBases),
          [RANKER_FILE]: describeRanker(dataset, { bases, calibrator }),
        },
      };
    },
  );
}

/** Not where lists are too few, or a fold would learn from one class alone: scores stay what they are. */
function canBeFolded({ lists, grades }: RankingRows, seed: number): boolean {
  if (lists.length <= FOLDS) return false;
  const hasBoth = ({ train }: Fold) =>
    new Set(train.map((row) => Number((grades[row] as number) > 0))).size > 1;
  return foldsByGroup(lists, FOLDS, seededRandom(seed)).every(hasBoth);
}

const treesFile = (ensemble: TreeEnsemble): VersionContents => ({ [TREES_FILE]: saveTrees(ensemble) });

async function openSideBySide<Result>(
  open: readonly (() => Promise<Training<Result>>)[],
): Promise<SideBySide<Result>> {
  const opened: Training<Result>[] = [];
  try {
    for (const each of open) opened.push(await each());
    return new SideBySide(opened);
  } catch (error) {
    await Promise.all(opened.map((training) => training.close()));
    throw error;
  }
}

/** Fitted to scores by trees that have not seen the label: those of the fold that holds the row out. */
function calibratorOf(
  train: TrainingRows,
  folds: readonly Fold[],
  forests: readonly TreeEnsemble[],
  kind: 'platt' | 'isotonic' | 'none',
): Calibrator {
  const scores = new Float64Array(train.rows);
  folds.forEach(({ validation }, fold) => {
    const held = rowsAt(train, validation);
    const own = new Float64Array(held.rows);
    const scorer = new TreeScorer(forests[fold] as TreeEnsemble);
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
  readonly options: Pick<ConfigOf<typeof rankerParameters>, 'loss' | 'positionBias'> &
    KindWeights &
    ConfigOf<typeof foundParameter>;
};

async function treeData({ train, validation }: RankingDataset, scoredBy: ScoredBy): Promise<TreeData> {
  const scored = await withScores(train, scoredBy);
  const learned = rowsAt(scored, foundRows(scored, train, scoredBy));
  if (validation === undefined) return { train: learned };
  // Answers are scored as if each item were shown first.
  const shownFirst = { ...validation, positions: new Float32Array(validation.rows) };
  return {
    train: learned,
    validation: await withScores(shownFirst, scoredBy),
    judge: (scores) => listMetrics(validation, scores),
  };
}

/**
 * Rows as the index of the first base model would have found them: of what was drawn evenly for a list, the share that it ranks
 * highest, and of lists those in which it ranks something that was taken as high. All of them for a share of 1.
 */
function foundRows(
  { columns, values }: TrainingRows,
  { rows, lists, drawn, grades, columns: features }: RankingRows,
  { bases, options: { foundShare } }: ScoredBy,
): Int32Array {
  const all = Int32Array.from({ length: rows }, (_, row) => row);
  if (bases.length === 0 || foundShare === 1) return all;
  const scoreOf = (row: number) => {
    const score = values[row * columns.length + features.length] as number;
    return Number.isNaN(score) ? Number.NEGATIVE_INFINITY : score;
  };
  const chosen: number[] = [];
  for (let list = 0; list + 1 < lists.length; list++) {
    const own = all.subarray(lists[list], lists[list + 1]);
    const even = own.filter((row) => drawn[row] === 1).sort((a, b) => scoreOf(b) - scoreOf(a) || a - b);
    const found = even.subarray(0, Math.ceil(foundShare * even.length));
    const last = found.at(-1);
    const isFound = (row: number) => (grades[row] as number) > 0 && scoreOf(row) >= scoreOf(last as number);
    if (last !== undefined && !own.some(isFound)) continue;
    const left = new Set(even.subarray(found.length));
    chosen.push(...own.filter((row) => !left.has(row)));
  }
  return Int32Array.from(chosen);
}

/** The rows with what each base model scored them, and their place in the answer. */
async function withScores(
  { columns, rows, values, grades, lists, positions, revenues, ...shown }: RankingRows,
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
  const weights = kindWeights({ grades, revenues }, options);
  return {
    columns: [...columns, ...bases.map(({ name }) => scoreColumn(name)), POSITION],
    rows,
    values: wideRows({ columns, rows, values }, more),
    labels: options.loss === 'logistic' ? grades.map((grade) => Number(grade > 0)) : grades,
    ...(weights && { weights }),
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
