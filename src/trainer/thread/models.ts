/** The models that the trainer can train: how each is opened on a dataset, and what of it is served. */
import {
  type Execution,
  type SequentialConfig,
  type SequentialData,
  sequential,
  sequentialDefaults,
  type Training,
  type TwoTowerConfig,
  twoTower,
  twoTowerDefaults,
} from '#models';
import { ConfigurationError } from '#platform';
import type { Dataset } from '../dataset.ts';

export const modelNames = ['two-tower', 'sequential'] as const;
export type ModelName = (typeof modelNames)[number];

/** What differs from the defaults of a model. */
export type ModelConfig = Partial<
  Omit<TwoTowerConfig, 'seed'> &
    SequentialConfig & {
      /** Path of an ONNX file that reads the titles for the two-tower, in the place of their n-grams. */
      readonly textEncoder: string;
    }
>;

/** What of a trained model is served: vectors of items, and the tower of users as ONNX. */
export type TrainedTowers = {
  readonly dim: number;
  readonly itemVectors: Float32Array;
  readonly userTower: Uint8Array;
};

const defaults = { 'two-tower': twoTowerDefaults, sequential: sequentialDefaults } as const;

/** Items of a user's history that a model looks at. */
export function historyLengthOf(model: ModelName, config: ModelConfig): number {
  return config.historyLength ?? defaults[model].historyLength;
}

/** The text encoder that the model reads titles by. Errors: ConfigurationError MR_MODEL_CONFIG. */
export function textEncoderOf(model: ModelName, { textEncoder }: ModelConfig): string | undefined {
  if (model !== 'two-tower' || textEncoder === undefined || typeof textEncoder === 'string')
    return textEncoder;
  throw new ConfigurationError('MR_MODEL_CONFIG', `textEncoder is ${JSON.stringify(textEncoder)}.`, {
    hint: 'It is the path of an ONNX file.',
  });
}

/** Errors: those of the model; ConfigurationError MR_MODEL_CONFIG for a name that it does not have. */
export function openTraining(
  model: ModelName,
  dataset: Dataset,
  config: ModelConfig,
  seed: number,
  execution?: Execution,
): Promise<Training<TrainedTowers>> {
  const known = knownParameters(model);
  const unknown = Object.keys(config).find((name) => !known.includes(name));
  if (unknown !== undefined) {
    throw new ConfigurationError('MR_MODEL_CONFIG', `${model} has no parameter ${unknown}.`, {
      hint: `It has ${known.join(', ')}.`,
    });
  }
  if (model === 'sequential') return sequential.open(sequencesOf(dataset), config, seed, execution);
  const { data } = dataset;
  const { textEncoder: _, ...own } = config;
  return twoTower.open(data, { epochs: epochsFor(data.train.user.length), ...own }, seed, execution);
}

export function knownParameters(model: ModelName): readonly string[] {
  const own = Object.keys(defaults[model]).filter((name) => name !== 'seed');
  return model === 'two-tower' ? [...own, 'textEncoder'] : own;
}

/** The model of that name. Errors: ConfigurationError MR_MODEL_CONFIG. */
export function modelNamed(name: string): ModelName {
  const model = modelNames.find((each) => each === name);
  if (model !== undefined) return model;
  throw new ConfigurationError('MR_MODEL_CONFIG', `There is no model ${name} to be trained.`, {
    hint: `There is ${modelNames.join(', ')}.`,
  });
}

/** Examples seen in all that a model of this size needs, measured on 80,000 of MovieLens: six passes over those. */
const examplesToSee = 500_000;

/** Passes over the data: more over little of it, so that a small world is learned as well, fewer over much. */
function epochsFor(examples: number): number {
  return Math.min(12, Math.max(2, Math.round(examplesToSee / examples)));
}

/** What each user had, in the order of time; of the validation part, what they had next. */
function sequencesOf({ data: { items, users, train, validation } }: Dataset): SequentialData {
  const own = Array.from({ length: users }, (): number[] => []);
  train.user.forEach((user, row) => {
    own[user]?.push(train.item[row] as number);
  });
  const offsets = new Int32Array(users + 1);
  own.forEach((list, user) => {
    offsets[user + 1] = (offsets[user] as number) + list.length;
  });
  const next = new Map<number, number>();
  validation?.user.forEach((user, row) => {
    if (!next.has(user)) next.set(user, validation.item[row] as number);
  });
  return {
    items,
    histories: { offsets, ids: Int32Array.from(own.flat()) },
    ...(next.size > 0 && {
      validation: { users: Int32Array.from(next.keys()), items: Int32Array.from(next.values()) },
    }),
  };
}
