import { FatalError } from '#platform';
import { type Feed, type Outputs, Session, toInt64 } from '../graph/session.ts';
import { seededRandom } from '../random.ts';
import { BatchBuilder, bagFeed, categoricalFeed, type StepRows } from './batch.ts';
import { checkConfig, type TwoTowerConfig, twoTowerDefaults } from './config.ts';
import { checkData, type TwoTowerData } from './data.ts';
import { trainingGraph } from './loss.ts';
import { createParameters, denseNames, type Parameters, tableNames } from './parameters.ts';
import { itemTowerOnnx, userTowerOnnx } from './serving.ts';

export type TrainingProgress = {
  /** From 1. */
  readonly epoch: number;
  readonly epochs: number;
  /** Steps done and steps in all, over all epochs. */
  readonly step: number;
  readonly steps: number;
  /** Of this step. */
  readonly loss: number;
};

export type TrainingControl = {
  /** Called after each step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Looked at between steps; when aborted, training rejects with its reason. */
  readonly signal?: AbortSignal;
};

export type TrainedTwoTower = {
  readonly dim: number;
  /** Vectors of the items 0 .. items - 1, of length 1: [items, dim]. */
  readonly itemVectors: Float32Array;
  /** ONNX files: see `userTowerOnnx` and `itemTowerOnnx`. */
  readonly userTower: Uint8Array;
  readonly itemTower: Uint8Array;
  /** Mean loss of each epoch: the learning curve. */
  readonly losses: readonly number[];
  /** Where it ran, and why not where it was asked to. */
  readonly provider: string;
  readonly fallbackReason: string | undefined;
};

/**
 * Trains a two-tower model. The calling thread is blocked for most of the time, so it should be a worker's. Bad data
 * is MR_MODEL_DATA, a bad configuration MR_MODEL_CONFIG, a loss that is no longer finite MR_MODEL_DIVERGED.
 */
export async function trainTwoTower(
  data: TwoTowerData,
  overrides: Partial<TwoTowerConfig> = {},
  control: TrainingControl = {},
): Promise<TrainedTwoTower> {
  const config = { ...twoTowerDefaults, ...overrides };
  checkConfig(config);
  checkData(data);
  const random = seededRandom(config.seed);
  const parameters = createParameters(data, config, random);
  const batches = new BatchBuilder(data, config, random);
  const graph = trainingGraph(data, config, parameters, batches);
  const session = await Session.create(graph, { provider: config.provider });
  const { provider, fallbackReason } = session;
  let losses: readonly number[];
  try {
    losses = await runEpochs(session, parameters, batches);
  } finally {
    await session.close();
  }
  const itemTower = itemTowerOnnx(parameters, data, batches.tagsLength);
  return {
    dim: config.dim,
    itemVectors: await embedItems(itemTower, data, batches.tagsLength),
    userTower: userTowerOnnx(parameters, data, config.historyLength),
    itemTower,
    losses,
    provider,
    fallbackReason,
  };

  async function runEpochs(
    session: Session,
    parameters: Parameters,
    batches: BatchBuilder,
  ): Promise<number[]> {
    const { epochs } = config;
    const order = Int32Array.from(data.train.user, (_, i) => i);
    const { batchSize } = batches;
    const stepsPerEpoch = Math.ceil(order.length / batchSize);
    const steps = stepsPerEpoch * epochs;
    const losses: number[] = [];
    for (let epoch = 1, step = 0; epoch <= epochs; epoch++) {
      random.shuffle(order);
      let total = 0;
      for (let from = 0; from < order.length; from += batchSize) {
        control.signal?.throwIfAborted();
        const batch = batches.build(order.subarray(from, from + batchSize));
        const outputs = await session.run({ ...batch.feeds, ...parameterFeeds(parameters, batch.rows) });
        const loss = outputs.loss?.[0] as number;
        if (!Number.isFinite(loss)) throw diverged(loss, step);
        applyGradients(parameters, batch.rows, outputs, 1 - step / steps);
        step++;
        total += loss;
        control.onProgress?.({ epoch, epochs, step, steps, loss });
      }
      losses.push(total / stepsPerEpoch);
    }
    return losses;
  }
}

function parameterFeeds({ tables, dense }: Parameters, rows: StepRows): Record<string, Feed> {
  const feeds: Record<string, Feed> = {};
  for (const name of tableNames) {
    const ids = rows[name];
    feeds[name] = { data: tables[name].gather(ids), shape: [ids.length, tables[name].width] };
  }
  for (const name of denseNames) feeds[name] = { data: dense[name].weights, shape: dense[name].shape };
  return feeds;
}

function applyGradients({ tables, dense }: Parameters, rows: StepRows, outputs: Outputs, rate: number): void {
  for (const name of tableNames) tables[name].update(rows[name], outputs[`d ${name}`] as Float32Array, rate);
  for (const name of denseNames) {
    const { optimiser, weights } = dense[name];
    optimiser.update(weights, outputs[`d ${name}`] as Float32Array, rate);
  }
}

/** Vectors of all items, in chunks that bound the memory. */
async function embedItems(
  itemTower: Uint8Array,
  data: TwoTowerData,
  tagsLength: number,
): Promise<Float32Array> {
  const chunk = 4096;
  const session = await Session.create(itemTower);
  const parts: Float32Array[] = [];
  try {
    for (let start = 0; start < data.items; start += chunk) {
      const ids = Int32Array.from({ length: Math.min(chunk, data.items - start) }, (_, i) => start + i);
      const outputs = await session.run({
        item: { data: toInt64(ids), shape: [ids.length] },
        features: categoricalFeed(data.itemFeatures, ids),
        tags: bagFeed(data.itemTags, ids, tagsLength),
      });
      parts.push(outputs.vector as Float32Array);
    }
  } finally {
    await session.close();
  }
  const width = parts[0] === undefined ? 0 : parts.reduce((total, part) => total + part.length, 0);
  const vectors = new Float32Array(width);
  let at = 0;
  for (const part of parts) {
    vectors.set(part, at);
    at += part.length;
  }
  return vectors;
}

function diverged(loss: number, step: number): FatalError {
  return new FatalError('MR_MODEL_DIVERGED', `the loss became ${loss} at step ${step + 1}`, {
    hint: 'Train again with a lower learning rate or a higher temperature.',
  });
}
