import { type Checkpoint, type CheckpointArray, restoreArray, unusable } from '../checkpoint.ts';
import { type Feed, type Outputs, Session } from '../graph/session.ts';
import { restoreWeights, saveWeights } from '../optimise/optimiser.ts';
import { type Random, seededRandom } from '../random.ts';
import { SessionTraining } from '../session-training.ts';
import type { Trainable, Training, TrainingMetrics } from '../training.ts';
import { BatchBuilder, type StepRows } from './batch.ts';
import { checkTwoTower, type TwoTowerConfig, twoTowerDefaults } from './config.ts';
import { checkData, type TwoTowerData } from './data.ts';
import { trainingGraph } from './loss.ts';
import { createParameters, type Parameters } from './parameters.ts';
import { itemTowerOnnx, userTowerOnnx } from './serving.ts';
import { judgedRows, spread, validationMetrics } from './validation.ts';
import { embedItems, embedUsers } from './vectors.ts';

export type TwoTowerResult = {
  readonly dim: number;
  /** Vectors of the items 0 .. items - 1, of length 1: [items, dim]. */
  readonly itemVectors: Float32Array;
  /** ONNX files: see `userTowerOnnx` and `itemTowerOnnx`. */
  readonly userTower: Uint8Array;
  readonly itemTower: Uint8Array;
  /** Vectors of some users as of some of their examples, [users, dim]: sample queries for an index of the items. */
  readonly queries: Float32Array;
};

/** As many as a calibration asks. */
const QUERIES = 1000;

/** The two-tower model, to be trained by `train`. */
export const twoTower: Trainable<TwoTowerData, Omit<TwoTowerConfig, 'seed'>, TwoTowerResult> = {
  model: 'two-tower',
  async open(data, overrides, seed, { provider = 'cpu' } = {}) {
    const config = { ...twoTowerDefaults, ...overrides, seed };
    checkTwoTower(config);
    checkData(data);
    const random = seededRandom(seed);
    const parameters = createParameters(data, config, random);
    const batches = new BatchBuilder(data, config, random);
    const graph = trainingGraph(data, config, parameters, batches);
    const session = await Session.create(graph, { provider });
    return new TwoTowerTraining(data, config, { random, parameters, batches, session });
  },
};

type Parts = {
  readonly random: Random;
  readonly parameters: Parameters;
  readonly batches: BatchBuilder;
  readonly session: Session;
};

class TwoTowerTraining extends SessionTraining implements Training<TwoTowerResult> {
  readonly #data: TwoTowerData;
  readonly #config: TwoTowerConfig;
  readonly #parts: Parts;
  /** Blocks in the order of this epoch. */
  readonly #order: Int32Array;
  #step = 0;

  constructor(data: TwoTowerData, config: TwoTowerConfig, parts: Parts) {
    const { batches, session } = parts;
    const blocks = batches.blocks.starts.length - 1;
    super(config.epochs, Math.ceil(blocks / batches.blocksAtOnce), session);
    this.#data = data;
    this.#config = config;
    this.#parts = parts;
    this.#order = Int32Array.from({ length: blocks }, (_, block) => block);
  }

  async step(): Promise<{ readonly loss: number }> {
    const { random, parameters, batches, session } = this.#parts;
    const inEpoch = this.#step % this.stepsPerEpoch;
    if (inEpoch === 0) random.shuffle(this.#order);
    const from = inEpoch * batches.blocksAtOnce;
    const { feeds, rows } = batches.build(this.#order.subarray(from, from + batches.blocksAtOnce));
    const outputs = await session.run({ ...feeds, ...parameterFeeds(parameters, rows) });
    const loss = outputs.loss?.[0] as number;
    const steps = this.stepsPerEpoch * this.epochs;
    if (Number.isFinite(loss)) applyGradients(parameters, rows, outputs, Math.max(0, 1 - this.#step / steps));
    this.#step++;
    return { loss };
  }

  async validate(): Promise<TrainingMetrics | undefined> {
    const { validation } = this.#data;
    if (validation === undefined || validation.user.length === 0) return undefined;
    const { userTower, itemVectors } = await this.#embedded();
    const rows = judgedRows(validation);
    const userVectors = await embedUsers(userTower, this.#data, validation, rows);
    return validationMetrics(validation, rows, userVectors, itemVectors);
  }

  async result(): Promise<TwoTowerResult> {
    const embedded = await this.#embedded();
    const { train } = this.#data;
    const rows = spread(train.user.length, QUERIES);
    const queries = await embedUsers(embedded.userTower, this.#data, train, rows);
    return { dim: this.#config.dim, ...embedded, queries };
  }

  /** Both towers as they are now, and what that of the items makes of them. */
  async #embedded(): Promise<Pick<TwoTowerResult, 'userTower' | 'itemTower' | 'itemVectors'>> {
    const { parameters, batches } = this.#parts;
    const itemTower = itemTowerOnnx(parameters, this.#data, batches);
    const userTower = userTowerOnnx(parameters, this.#data, this.#config.historyLength);
    return { userTower, itemTower, itemVectors: await embedItems(itemTower, this.#data, batches) };
  }

  save(): Checkpoint {
    const { random, parameters } = this.#parts;
    const arrays = new Map<string, CheckpointArray>([['order', this.#order.slice()]]);
    for (const [name, { weights, optimiser }] of trainedParts(parameters)) {
      saveWeights(arrays, name, weights, optimiser);
    }
    return { arrays, values: { step: this.#step, random: [...random.save()] } };
  }

  restore(checkpoint: Checkpoint): void {
    const { random, parameters } = this.#parts;
    const values = checkpoint.values as { step?: number; random?: number[] } | null;
    if (values?.step === undefined || values.random === undefined) throw unusable('it has no position');
    restoreArray(checkpoint, 'order', this.#order);
    for (const [name, { weights, optimiser }] of trainedParts(parameters)) {
      restoreWeights(checkpoint, name, weights, optimiser);
    }
    this.#step = values.step;
    random.restore(values.random);
  }

  async close(): Promise<void> {
    await this.#parts.session.close();
  }
}

function trainedParts({ tables, dense }: Parameters) {
  return [...tables, ...dense];
}

function parameterFeeds({ tables, dense }: Parameters, rows: StepRows): Record<string, Feed> {
  const feeds: Record<string, Feed> = {};
  for (const [name, table] of tables) {
    const ids = rows.get(name) as Int32Array;
    feeds[name] = { data: table.gather(ids), shape: [ids.length, table.width] };
  }
  for (const [name, { weights, shape }] of dense) feeds[name] = { data: weights, shape };
  return feeds;
}

function applyGradients({ tables, dense }: Parameters, rows: StepRows, outputs: Outputs, rate: number): void {
  for (const [name, table] of tables) {
    table.update(rows.get(name) as Int32Array, outputs[`d ${name}`] as Float32Array, rate);
  }
  for (const [name, { optimiser, weights }] of dense) {
    optimiser.update(weights, outputs[`d ${name}`] as Float32Array, rate);
  }
}
