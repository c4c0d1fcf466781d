import { type Checkpoint, type CheckpointArray, restoreArray, unusable } from '../checkpoint.ts';
import { Session } from '../graph/session.ts';
import { restoreWeights, saveWeights } from '../optimise/optimiser.ts';
import { scheduleFactor } from '../optimise/schedule.ts';
import { checkRanges } from '../parameters.ts';
import { type Random, seededRandom } from '../random.ts';
import { SessionTraining } from '../session-training.ts';
import type { Trainable, Training, TrainingMetrics } from '../training.ts';
import { readSide, type SideReader } from './batch.ts';
import { type DlrmConfig, dlrmDefaults, dlrmParameters } from './config.ts';
import { checkData, type DlrmData, type Examples, type Rows } from './data.ts';
import { forwardGraph, itemOnnx, requestOnnx, trainingGraph } from './graphs.ts';
import { fitScales } from './normalisation.ts';
import {
  createParameters,
  type Dimensions,
  dimensionsOf,
  type Parameters,
  type SideName,
} from './parameters.ts';
import type { TrainedDlrm, TrainedSide } from './scorer.ts';
import { Targets } from './targets.ts';
import { validationMetrics } from './validation.ts';

/** See network.ts. */
export const dlrm: Trainable<DlrmData, DlrmConfig, TrainedDlrm> = {
  model: 'dlrm',
  async open(data, overrides, seed, { provider = 'cpu' } = {}) {
    const config = { ...dlrmDefaults, ...overrides };
    checkRanges('dlrm', dlrmParameters, config);
    checkData(data);
    const { users, items, candidates, train } = data;
    const random = seededRandom(seed);
    const dimensions = dimensionsOf(data);
    const parameters = createParameters(data, dimensions, config, random);
    const rows = Math.min(config.batchSize, train.user.length);
    let firstFeature = 0;
    const side = (name: SideName, own: Rows): SideReader => {
      const scales = fitScales(own.dense, rowsIn(train, name));
      firstFeature += own.sparse.length;
      return { name, rows: own, scales, firstFeature: firstFeature - own.sparse.length };
    };
    const sides: Parts['sides'] = [
      side('user', users),
      side('item', items),
      ...(candidates === undefined ? ([] as const) : ([side('candidate', candidates)] as const)),
    ];
    const targets = new Targets(train, config, rows);
    const graph = trainingGraph(parameters, dimensions, config, rows);
    const session = await Session.create(graph, { provider });
    return new DlrmTraining(data, config, {
      random,
      dimensions,
      parameters,
      sides,
      targets,
      session,
      rows,
    });
  },
};

/** The row of a side that each example has. */
function rowsIn(examples: Examples, name: SideName): Int32Array {
  return examples[name] ?? new Int32Array();
}

function chosenRows(of: Examples, { name }: SideReader, examples: Int32Array): Int32Array {
  const rows = rowsIn(of, name);
  return examples.map((example) => rows[example] as number);
}

const present = (sides: Parts['sides']): readonly SideReader[] => sides.filter((side) => side !== undefined);

function trainedSide({ scales, rows }: SideReader): TrainedSide {
  return { scales, cardinalities: rows.sparse.map(({ cardinality }) => cardinality) };
}

type Parts = {
  readonly random: Random;
  readonly dimensions: Dimensions;
  readonly parameters: Parameters;
  /** The user's, the item's, and where the data has it, the candidate's. */
  readonly sides: readonly [SideReader, SideReader, SideReader?];
  readonly targets: Targets;
  readonly session: Session;
  /** Examples of a step. */
  readonly rows: number;
};

class DlrmTraining extends SessionTraining implements Training<TrainedDlrm> {
  readonly #data: DlrmData;
  readonly #config: DlrmConfig;
  readonly #parts: Parts;
  /** Examples in the order of this epoch. */
  readonly #order: Int32Array;
  #forward: Session | undefined;
  #step = 0;

  constructor(data: DlrmData, config: DlrmConfig, parts: Parts) {
    const examples = data.train.user.length;
    super(config.epochs, Math.ceil(examples / parts.rows), parts.session);
    this.#data = data;
    this.#config = config;
    this.#parts = parts;
    this.#order = Int32Array.from({ length: examples }, (_, example) => example);
  }

  async step(): Promise<{ readonly loss: number }> {
    const { random, parameters, sides, targets, session, rows } = this.#parts;
    const { bags, dense } = parameters;
    const { train } = this.#data;
    const inEpoch = this.#step % this.stepsPerEpoch;
    if (inEpoch === 0) random.shuffle(this.#order);
    const own = this.#order.subarray(inEpoch * rows, (inEpoch + 1) * rows);
    // The first example fills up the last step, at weight 0.
    const examples = new Int32Array(rows).fill(own[0] as number);
    examples.set(own);
    const read = present(sides).map((side) => ({
      name: side.name,
      ...readSide(side, bags, chosenRows(train, side, examples)),
    }));
    const outputs = await session.run({
      ...Object.assign({}, ...read.map(({ feeds }) => feeds)),
      ...targets.feeds(examples, own.length),
      ...dense.feeds(),
    });
    const loss = outputs.loss?.[0] as number;
    if (Number.isFinite(loss)) {
      const schedule = { decay: 'linear', warmUpSteps: 0 } as const;
      const factor = scheduleFactor(schedule, this.#step, this.epochs * this.stepsPerEpoch);
      const parts = read.flatMap(({ name, lookup }) => {
        const gradient = outputs[`d ${name} sums`];
        return gradient === undefined ? [] : [{ lookup, gradient }];
      });
      bags.update(parts, factor);
      dense.update(outputs, factor);
    }
    this.#step++;
    return { loss };
  }

  async validate(): Promise<TrainingMetrics | undefined> {
    const { validation } = this.#data;
    if (validation === undefined) return undefined;
    const { dimensions, parameters, session, sides, targets } = this.#parts;
    const { provider } = session;
    this.#forward ??= await Session.create(forwardGraph(parameters, dimensions, this.#config), { provider });
    const forward = this.#forward;
    return validationMetrics(validation, targets.heads, async (examples) => {
      const read = present(sides).map((side) => {
        return readSide(side, parameters.bags, chosenRows(validation, side, examples)).feeds;
      });
      const { heads } = await forward.run({
        ...Object.assign({}, ...read),
        ...parameters.dense.feeds(),
      });
      return heads as Float32Array;
    });
  }

  save(): Checkpoint {
    const { random, parameters } = this.#parts;
    const { weights, optimiser } = parameters.bags.table;
    const arrays = new Map<string, CheckpointArray>([['order', this.#order.slice()]]);
    saveWeights(arrays, 'embeddings', weights, optimiser);
    parameters.dense.save(arrays);
    return { arrays, values: { step: this.#step, random: [...random.save()] } };
  }

  restore(checkpoint: Checkpoint): void {
    const { random, parameters } = this.#parts;
    const { weights, optimiser } = parameters.bags.table;
    const values = checkpoint.values as { step?: number; random?: number[] } | null;
    if (values?.step === undefined || values.random === undefined) throw unusable('it has no position');
    restoreArray(checkpoint, 'order', this.#order);
    restoreWeights(checkpoint, 'embeddings', weights, optimiser);
    parameters.dense.restore(checkpoint);
    this.#step = values.step;
    random.restore(values.random);
  }

  async result(): Promise<TrainedDlrm> {
    const { dimensions, parameters, sides, targets } = this.#parts;
    const [user, item, candidate] = sides;
    const { table } = parameters.bags;
    const logDeviation = parameters.dense.names.includes('logDeviation')
      ? (parameters.dense.weightsOf('logDeviation')[0] as number)
      : 0;
    return {
      dim: this.#config.dim,
      heads: dimensions.heads,
      sides: {
        user: trainedSide(user),
        item: trainedSide(item),
        ...(candidate !== undefined && { candidate: trainedSide(candidate) }),
      },
      embeddings: table.weights.slice(),
      revenue: { ...targets.revenueScale, deviation: Math.exp(logDeviation) },
      itemSide: itemOnnx(parameters, dimensions, this.#config),
      request: requestOnnx(parameters, dimensions, this.#config),
    };
  }

  async close(): Promise<void> {
    await this.#parts.session.close();
    await this.#forward?.close();
  }
}
