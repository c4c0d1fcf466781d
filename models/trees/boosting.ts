/**
 * Gradient boosting of trees on histograms: Friedman 2001, with second derivatives as in XGBoost (Chen and Guestrin 2016)
 * and histograms, leaf-wise growth and categorical splits as in LightGBM (Ke et al. 2017).
 */
import { type Checkpoint, unusable } from '../checkpoint.ts';
import { onCpu } from '../implicit/dataset.ts';
import { type Random, seededRandom } from '../random.ts';
import type { Execution, Training, TrainingMetrics } from '../training.ts';
import { binningOf, packBins } from './binning.ts';
import type { BlocksSetup } from './column-blocks.ts';
import type { Column, FeatureRows, TreeEnsemble } from './ensemble.ts';
import { roundForExactSums } from './exact-sums.ts';
import { forestArrays, treesFrom } from './forest-checkpoint.ts';
import { type Ground, type Grown, growByLeaves } from './grow.ts';
import type { Loss, LossKind } from './losses/loss.ts';
import { losses } from './losses/losses.ts';
import { layOut } from './memory.ts';
import { type TreeConfig, type TreeOptions, treeConfig } from './parameters.ts';
import { sampleColumns, sampleRows } from './sampling.ts';
import { sharedStep } from './shared-step.ts';
import { SplitSearch } from './split-search.ts';
import { checkRows, type TrainingRows, unusableRows } from './training-rows.ts';
import { ensembleOf, type Tree, valueOfRow } from './tree.ts';

export type TreeData = {
  readonly train: TrainingRows;
  readonly validation?: TrainingRows;
  /** Judges scores of the validation's rows; by the metric of the loss unless given. */
  readonly judge?: (scores: Float64Array) => TrainingMetrics;
};

/** Trees as the training loop steps them: one a step, and an epoch each. */
export const boostedTrees = {
  model: 'trees',
  async open(
    { train, validation, judge }: TreeData,
    options: TreeOptions,
    seed: number,
    { provider, threads = 1, host }: Execution = {},
  ): Promise<Training<TreeEnsemble>> {
    const config = treeConfig(options, train.columns);
    const kind = losses[config.loss];
    for (const each of validation === undefined ? [train] : [train, validation]) {
      checkRows(each);
      kind.check(each);
    }
    if (validation !== undefined) checkSameColumns(train, validation);
    const where = onCpu('trees', { provider: provider ?? 'cpu' });
    const judged = validation && { rows: validation, metrics: judge ?? byLoss(kind, validation) };
    const setup = setUp(train, config);
    const search = await SplitSearch.open(setup, { threads, host });
    return new Boosting(
      setup,
      { train, loss: kind.open(train), search, random: seededRandom(seed) },
      { ...where, judged },
    );
  },
};

function checkSameColumns({ columns }: FeatureRows, validation: FeatureRows): void {
  const isSame = (column: Column, i: number) => {
    const other = validation.columns[i];
    if (column.name !== other?.name || column.categories?.length !== other.categories?.length) return false;
    return column.categories?.every((category, c) => category === other.categories?.[c]) ?? true;
  };
  if (columns.length === validation.columns.length && columns.every(isSame)) return;
  throw unusableRows('validation rows have other columns than training rows', 'Give both the same columns.');
}

function setUp(train: TrainingRows, config: TreeConfig): BlocksSetup {
  const binning = binningOf(train, config.bins);
  const shape = {
    rows: train.rows,
    columns: binning.columns.length,
    slots: binning.slots + 1,
    histograms: config.leaves,
  };
  const memory = layOut(shape);
  packBins(train, binning, memory.packed);
  const nameOf = (column: number) => train.columns[column]?.name ?? '';
  const directions = binning.columns.map(({ column }) => config.monotone[nameOf(column)] ?? 0);
  const shared = sharedStep(shape.columns);
  return { shape, memory: memory.memory, shared, binning, directions, config };
}

type Parts = {
  readonly train: TrainingRows;
  readonly loss: Loss;
  readonly search: SplitSearch;
  readonly random: Random;
};

type Judged = {
  readonly rows: TrainingRows;
  readonly metrics: (scores: Float64Array) => TrainingMetrics;
};

function byLoss({ metric: { name, open } }: LossKind, validation: TrainingRows): Judged['metrics'] {
  const metric = open(validation);
  return (scores) => ({ [name]: metric(scores) });
}

class Boosting implements Training<TreeEnsemble> {
  readonly epochs: number;
  readonly stepsPerEpoch = 1;
  readonly provider: string;
  readonly fallbackReason: string | undefined;
  readonly #setup: BlocksSetup;
  readonly #parts: Parts;
  readonly #ground: Ground;
  readonly #usable: readonly number[];
  readonly #scores: Float64Array;
  readonly #judged: (Judged & { readonly scores: Float64Array }) | undefined;
  #trees: Tree[] = [];
  /** Trees that the scores contain. */
  #scored = 0;

  constructor(
    setup: BlocksSetup,
    parts: Parts,
    where: { provider: string; fallbackReason: string | undefined; judged: Judged | undefined },
  ) {
    this.#setup = setup;
    this.#parts = parts;
    this.epochs = setup.config.trees;
    this.provider = where.provider;
    this.fallbackReason = where.fallbackReason;
    const { train, loss, search } = parts;
    this.#ground = {
      setup,
      memory: layOut(setup.shape, setup.memory),
      scratch: new Int32Array(train.rows),
      weights: train.weights,
      search: (step) => search.search(step),
    };
    this.#usable = setup.binning.columns.flatMap(({ varies }, i) => (varies ? [i] : []));
    this.#scores = new Float64Array(train.rows).fill(loss.base);
    const { judged } = where;
    this.#judged = judged && { ...judged, scores: new Float64Array(judged.rows.rows).fill(loss.base) };
  }

  /** Adds a tree. The loss is that of the scores before it. */
  async step(): Promise<{ loss: number }> {
    const { train, loss, random } = this.#parts;
    const { memory } = this.#ground;
    const { rowShare, columnShare } = this.#setup.config;
    this.#scoreTrees();
    const before = loss.derive(this.#scores, memory.gradients, random);
    if (train.weights !== undefined) weigh(memory.gradients, train.weights);
    roundForExactSums(memory.gradients);
    const rows = sampleRows(memory.order, rowShare, random);
    const chosen = sampleColumns(this.#setup.shape.columns, this.#usable, columnShare, random);
    const grown = await growByLeaves(this.#ground, rows, chosen);
    this.#addScores(grown, rows);
    this.#trees.push(grown.tree);
    this.#scored++;
    return { loss: before };
  }

  async validate(): Promise<TrainingMetrics | undefined> {
    if (this.#judged === undefined) return undefined;
    this.#scoreTrees();
    const { metrics, scores } = this.#judged;
    return metrics(scores);
  }

  save(): Checkpoint {
    const values = { random: this.#parts.random.save(), belongsTo: this.#identity() };
    return { arrays: forestArrays(this.#ensemble()), values };
  }

  restore(checkpoint: Checkpoint): void {
    const { random, belongsTo } = checkpoint.values as { random: number[]; belongsTo: string };
    if (belongsTo !== this.#identity()) throw unusable('it belongs to other rows or options');
    const { train } = this.#parts;
    this.#trees = treesFrom(
      checkpoint,
      train.columns.map(({ categories }) => categories !== undefined),
    );
    this.#parts.random.restore(random);
    this.#scored = 0;
    this.#scores.fill(this.#parts.loss.base);
    this.#judged?.scores.fill(this.#parts.loss.base);
  }

  async result(): Promise<TreeEnsemble> {
    return this.#ensemble();
  }

  close(): Promise<void> {
    return this.#parts.search.close();
  }

  /** What a checkpoint must fit. */
  #identity(): string {
    const { columns, rows } = this.#parts.train;
    return JSON.stringify({ config: this.#setup.config, rows, columns: columns.map(({ name }) => name) });
  }

  #ensemble(): TreeEnsemble {
    return ensembleOf(this.#parts.train.columns, this.#parts.loss.base, this.#trees);
  }

  /** Adds what a restored training has not added yet: tree after tree, as the training that was saved had. */
  #scoreTrees(): void {
    for (; this.#scored < this.#trees.length; this.#scored++) {
      const tree = this.#trees[this.#scored] as Tree;
      addValues(this.#scores, tree, this.#parts.train);
      if (this.#judged !== undefined) addValues(this.#judged.scores, tree, this.#judged.rows);
    }
  }

  #addScores({ tree, leaves }: Grown, rows: number): void {
    const { train } = this.#parts;
    const { order } = this.#ground.memory;
    const scores = this.#scores;
    for (const { node, from, to } of leaves) {
      const value = tree.nodes[node]?.value as number;
      for (let i = from; i < to; i++)
        scores[order[i] as number] = (scores[order[i] as number] as number) + value;
    }
    if (rows < train.rows) this.#addOutOfSample(tree, rows);
    if (this.#judged !== undefined) addValues(this.#judged.scores, tree, this.#judged.rows);
  }

  #addOutOfSample(tree: Tree, rows: number): void {
    const { train } = this.#parts;
    const isSampled = new Uint8Array(train.rows);
    for (const row of this.#ground.memory.order.subarray(0, rows)) isSampled[row] = 1;
    for (let row = 0; row < train.rows; row++) {
      if (isSampled[row] === 0)
        this.#scores[row] = (this.#scores[row] as number) + valueOfRow(tree, train, row);
    }
  }
}

function addValues(scores: Float64Array, tree: Tree, rows: FeatureRows): void {
  for (let row = 0; row < rows.rows; row++) {
    scores[row] = (scores[row] as number) + valueOfRow(tree, rows, row);
  }
}

function weigh(derivatives: Float64Array, weights: Float32Array): void {
  weights.forEach((weight, row) => {
    derivatives[2 * row] = (derivatives[2 * row] as number) * weight;
    derivatives[2 * row + 1] = (derivatives[2 * row + 1] as number) * weight;
  });
}
