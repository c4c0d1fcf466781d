import { type Checkpoint, type CheckpointArray, restoreArray, unusable } from '../checkpoint.ts';
import { type Feed, Session } from '../graph/session.ts';
import { restoreWeights, saveWeights } from '../optimise/optimiser.ts';
import { scheduleFactor } from '../optimise/schedule.ts';
import { checkRanges } from '../parameters.ts';
import { type Random, seededRandom } from '../random.ts';
import { SessionTraining } from '../session-training.ts';
import type { Trainable, Training, TrainingMetrics } from '../training.ts';
import { Batches } from './batch.ts';
import { type NeuMfConfig, neuMfDefaults, neuMfParameters } from './config.ts';
import { checkData, type NeuMfData } from './data.ts';
import { headOnnx, sideOnnx, trainingGraph } from './graphs.ts';
import { createParameters, type Parameters, type TableName, tableNames } from './parameters.ts';
import { NeuMfScorer, type SideRows, type TrainedNeuMf } from './scorer.ts';
import { validationMetrics } from './validation.ts';

/** Rows of a table whose side is computed at a time. */
const ROWS_AT_ONCE = 8192;

/** Neural matrix factorisation: see network.ts. */
export const neuMf: Trainable<NeuMfData, NeuMfConfig, TrainedNeuMf> = {
  model: 'neumf',
  async open(data, overrides, seed, { provider = 'cpu' } = {}) {
    const config = { ...neuMfDefaults, ...overrides };
    checkRanges('neumf', neuMfParameters, config);
    checkData(data);
    const random = seededRandom(seed);
    const parameters = createParameters(data, config, random);
    const batches = new Batches(data, config, random);
    const session = await Session.create(trainingGraph(parameters, config, batches.rows), { provider });
    return new NeuMfTraining(data, config, { random, parameters, batches, session });
  },
};

type Parts = {
  readonly random: Random;
  readonly parameters: Parameters;
  readonly batches: Batches;
  readonly session: Session;
};

class NeuMfTraining extends SessionTraining implements Training<TrainedNeuMf> {
  readonly #data: NeuMfData;
  readonly #config: NeuMfConfig;
  readonly #parts: Parts;
  #step = 0;

  constructor(data: NeuMfData, config: NeuMfConfig, parts: Parts) {
    super(config.epochs, parts.batches.stepsPerEpoch, parts.session);
    this.#data = data;
    this.#config = config;
    this.#parts = parts;
  }

  async step(): Promise<{ readonly loss: number }> {
    const { parameters, batches, session } = this.#parts;
    const { tables, dense } = parameters;
    const { feeds, users, items } = batches.build(this.#step % this.stepsPerEpoch);
    const idsOf = (name: TableName) => (name.startsWith('user') ? users : items);
    const rows = Object.fromEntries(
      tableNames.map((name): [string, Feed] => {
        const [ids, table] = [idsOf(name), tables[name]];
        return [name, { data: table.gather(ids), shape: [ids.length, table.width] }];
      }),
    );
    const outputs = await session.run({ ...feeds, ...rows, ...dense.feeds() });
    const loss = outputs.loss?.[0] as number;
    if (Number.isFinite(loss)) {
      const schedule = { decay: 'linear', warmUpSteps: 0 } as const;
      const factor = scheduleFactor(schedule, this.#step, this.epochs * this.stepsPerEpoch);
      for (const name of tableNames) {
        tables[name].update(idsOf(name), outputs[`d ${name}`] as Float32Array, factor);
      }
      dense.update(outputs, factor);
    }
    this.#step++;
    return { loss };
  }

  async validate(): Promise<TrainingMetrics | undefined> {
    const { validation, items } = this.#data;
    if (validation === undefined) return undefined;
    const scorer = await NeuMfScorer.load(await this.result());
    try {
      return await validationMetrics(validation, items, this.#parts.batches.sampler, scorer);
    } finally {
      await scorer.close();
    }
  }

  save(): Checkpoint {
    const { random, parameters, batches } = this.#parts;
    const arrays = new Map<string, CheckpointArray>([['order', batches.order.slice()]]);
    for (const name of tableNames) {
      const { weights, optimiser } = parameters.tables[name];
      saveWeights(arrays, name, weights, optimiser);
    }
    parameters.dense.save(arrays);
    return { arrays, values: { step: this.#step, random: [...random.save()] } };
  }

  restore(checkpoint: Checkpoint): void {
    const { random, parameters, batches } = this.#parts;
    const values = checkpoint.values as { step?: number; random?: number[] } | null;
    if (values?.step === undefined || values.random === undefined) throw unusable('it has no position');
    restoreArray(checkpoint, 'order', batches.order);
    for (const name of tableNames) {
      const { weights, optimiser } = parameters.tables[name];
      restoreWeights(checkpoint, name, weights, optimiser);
    }
    parameters.dense.restore(checkpoint);
    this.#step = values.step;
    random.restore(values.random);
  }

  async result(): Promise<TrainedNeuMf> {
    return {
      users: await this.#side('user'),
      items: await this.#side('item'),
      head: headOnnx(this.#parts.parameters, this.#config),
    };
  }

  async close(): Promise<void> {
    await this.#parts.session.close();
  }

  async #side(side: 'user' | 'item'): Promise<SideRows> {
    const { parameters } = this.#parts;
    const [factors, embeddings] = [
      parameters.tables[`${side}Factors`],
      parameters.tables[`${side}Embeddings`],
    ];
    const { rows } = factors;
    const computed = {
      rows,
      factors: factors.weights.slice(),
      hidden: new Float32Array(rows * this.#config.hidden),
    };
    const session = await Session.create(sideOnnx(parameters, this.#config, side));
    for (let from = 0; from < rows; from += ROWS_AT_ONCE) {
      const count = Math.min(ROWS_AT_ONCE, rows - from);
      const part = ({ weights, width }: { weights: Float32Array; width: number }): Feed => ({
        data: weights.subarray(from * width, (from + count) * width),
        shape: [count, width],
      });
      const outputs = await session.run({ factors: part(factors), embeddings: part(embeddings) });
      computed.hidden.set(outputs.hidden as Float32Array, from * this.#config.hidden);
      const weighted = outputs['weighted factors'];
      if (weighted !== undefined) computed.factors.set(weighted, from * this.#config.factors);
    }
    await session.close();
    return computed;
  }
}
