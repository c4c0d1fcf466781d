import { type Checkpoint, type CheckpointArray, unusable } from '../checkpoint.ts';
import { type Feed, Session } from '../graph/session.ts';
import { clipGlobalNorm } from '../optimise/clipping.ts';
import { restoreWeights, saveWeights } from '../optimise/optimiser.ts';
import { scheduleFactor } from '../optimise/schedule.ts';
import { type Gradients, sharedFloats, sumOfShards } from '../parallel/gradients.ts';
import { ShardThreads } from '../parallel/shard-threads.ts';
import { seededRandom } from '../random.ts';
import { SessionTraining } from '../session-training.ts';
import type { Trainable, Training, TrainingMetrics } from '../training.ts';
import { Batches } from './batch.ts';
import { checkSequential, type SequentialConfig, sequentialDefaults } from './config.ts';
import { checkData, type SequentialData } from './data.ts';
import { scoringGraph, trainingGraph, userTowerOnnx } from './graphs.ts';
import { createParameters, type Parameter, type Parameters } from './parameters.ts';
import { type Shard, ShardSession } from './shard.ts';
import { validationMetrics } from './validation.ts';

export type TrainedSequential = {
  readonly dim: number;
  readonly historyLength: number;
  /** Vectors of the items 0 .. items - 1, of any length: [items, dim]. */
  readonly itemVectors: Float32Array;
  /** ONNX file: see `userTowerOnnx`. */
  readonly userTower: Uint8Array;
};

/** A causal transformer over each user's history: see transformer.ts. */
export const sequential: Trainable<SequentialData, SequentialConfig, TrainedSequential> = {
  model: 'sequential',
  async open(data, overrides, seed, { provider = 'cpu', threads = 1, host } = {}) {
    const config = { ...sequentialDefaults, ...overrides };
    checkSequential(config);
    checkData(data);
    const random = seededRandom(seed);
    const parameters = createParameters(data.items, config, random);
    const batches = new Batches(data, config, random);
    const gradients = Array.from({ length: config.shards }, () =>
      Array.from(parameters.values(), ({ weights }) => sharedFloats(weights.length)),
    );
    const weights = feedsOf(parameters);
    const setup = { graph: trainingGraph(parameters, config), provider, config, seed, weights, gradients };
    const own = await ShardSession.open(setup);
    const { session } = own;
    const shardThreads = await ShardThreads.start(own, {
      entry: new URL('./shard-thread.ts', import.meta.url),
      setup: { ...setup, provider: session.provider },
      // A GPU computes one shard after another: threads would only wait for each other.
      threads: session.provider === 'cpu' ? Math.min(threads, config.shards) : 1,
      host,
    });
    return new SequentialTraining(data, config, { parameters, session, batches, gradients, shardThreads });
  },
};

type Parts = {
  readonly parameters: Parameters;
  readonly batches: Batches;
  readonly gradients: readonly Gradients[];
  readonly shardThreads: ShardThreads<readonly Shard[], number>;
  /** That of the calling thread. */
  readonly session: Session;
};

class SequentialTraining extends SessionTraining implements Training<TrainedSequential> {
  readonly #data: SequentialData;
  readonly #config: SequentialConfig;
  readonly #parts: Parts;
  #scoring: Session | undefined;
  #step = 0;

  constructor(data: SequentialData, config: SequentialConfig, parts: Parts) {
    super(config.epochs, parts.batches.stepsPerEpoch, parts.session);
    this.#data = data;
    this.#config = config;
    this.#parts = parts;
  }

  async step(): Promise<{ loss: number }> {
    const { parameters, batches, shardThreads } = this.#parts;
    const { warmUpSteps, clipNorm } = this.#config;
    const shards = batches.next();
    const losses = await shardThreads.compute(shards, shards.length);
    const gradients = sumOfShards(this.#parts.gradients.slice(0, shards.length));
    clipGlobalNorm(gradients, clipNorm);
    const schedule = { decay: 'cosine', warmUpSteps } as const;
    const factor = scheduleFactor(schedule, this.#step, this.epochs * this.stepsPerEpoch);
    let i = 0;
    for (const { weights, optimiser } of parameters.values()) {
      optimiser.update(weights, gradients[i++] as Float32Array, factor);
    }
    this.#step++;
    return { loss: losses.reduce((sum, loss) => sum + loss, 0) };
  }

  async validate(): Promise<TrainingMetrics | undefined> {
    if (this.#data.validation === undefined) return undefined;
    const { parameters, session } = this.#parts;
    const { historyLength } = this.#config;
    const { provider } = session;
    this.#scoring ??= await Session.create(scoringGraph(parameters, this.#config), { provider });
    const [scoring, feeds] = [this.#scoring, feedsOf(parameters)];
    return validationMetrics(this.#data, this.#data.validation, historyLength, async (history) => {
      const { scores } = await scoring.run({ history, ...feeds });
      return scores as Float32Array;
    });
  }

  save(): Checkpoint {
    const arrays = new Map<string, CheckpointArray>();
    const { parameters, batches } = this.#parts;
    for (const [name, { weights, optimiser }] of parameters) saveWeights(arrays, name, weights, optimiser);
    return { arrays, values: { step: this.#step, batches: batches.save() } };
  }

  restore(checkpoint: Checkpoint): void {
    const { parameters, batches } = this.#parts;
    for (const [name, { weights, optimiser }] of parameters) {
      restoreWeights(checkpoint, name, weights, optimiser);
    }
    const { values } = checkpoint;
    if (values === null || typeof values !== 'object' || !('step' in values))
      throw unusable('it has no step');
    const { step, batches: saved } = values as { step: number; batches: Checkpoint['values'] };
    this.#step = step;
    batches.restore(saved);
  }

  async result(): Promise<TrainedSequential> {
    const { parameters } = this.#parts;
    const { dim, historyLength } = this.#config;
    return {
      dim,
      historyLength,
      itemVectors: (parameters.get('items') as Parameter).weights.slice(),
      userTower: userTowerOnnx(parameters, this.#config),
    };
  }

  async close(): Promise<void> {
    await this.#parts.shardThreads.close();
    await this.#scoring?.close();
  }
}

function feedsOf(parameters: Parameters): Record<string, Feed> {
  return Object.fromEntries(
    [...parameters].map(([name, { weights, shape }]) => [name, { data: weights, shape }]),
  );
}
