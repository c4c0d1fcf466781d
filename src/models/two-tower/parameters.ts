import type { Graph, Tensor } from '../graph/tensor.ts';
import { Adam } from '../optimise/adam.ts';
import { EmbeddingTable } from '../optimise/embedding-table.ts';
import type { Random } from '../random.ts';
import type { TwoTowerConfig } from './config.ts';
import type { TwoTowerData } from './data.ts';
import type { ItemParameters, UserParameters } from './towers.ts';

/** A parameter that each step reads and changes as a whole. */
export type DenseParameter = {
  readonly shape: readonly number[];
  readonly weights: Float32Array;
  readonly optimiser: Adam;
};

export const tableNames = ['user', 'item', 'history'] as const;
export const userDenseNames = [
  'profile',
  'attention',
  'recency',
  'hiddenWeights',
  'hiddenBias',
  'outputWeights',
  'outputBias',
] as const;
export const itemDenseNames = ['features', 'tags'] as const;
export const denseNames = [...userDenseNames, ...itemDenseNames] as const;

export type TableName = (typeof tableNames)[number];
export type DenseName = (typeof denseNames)[number];

/** All that is learned, with the state of its optimisers. */
export type Parameters = {
  readonly tables: Readonly<Record<TableName, EmbeddingTable>>;
  readonly dense: Readonly<Record<DenseName, DenseParameter>>;
};

// Ids of items carry most of what is to be learned: they start well apart, everything added to them near zero.
const itemScale = 0.1;
const sideScale = 0.03;

export function createParameters(data: TwoTowerData, config: TwoTowerConfig, random: Random): Parameters {
  const { dim, hidden, historyLength, learningRate } = config;
  const table = (rows: number, scale: number) =>
    new EmbeddingTable(rows, dim, scale, random, { learningRate });
  const dense = (shape: readonly number[], scale: number): DenseParameter => {
    const length = shape.reduce((product, size) => product * size, 1);
    const weights = Float32Array.from({ length }, () => (scale === 0 ? 0 : scale * random.normal()));
    return { shape, weights, optimiser: new Adam(length, { learningRate }) };
  };
  const total = (sizes: readonly number[]) => sizes.reduce((sum, size) => sum + size, 0);
  return {
    tables: {
      user: table(data.users, sideScale),
      item: table(data.items + 1, itemScale),
      history: table(data.items + 1, itemScale),
    },
    dense: {
      profile: dense([total(data.profile.cardinalities), dim], sideScale),
      attention: dense([dim, 1], 0),
      recency: dense([historyLength], 0),
      hiddenWeights: dense([dim, hidden], Math.sqrt(1 / dim)),
      hiddenBias: dense([hidden], 0),
      outputWeights: dense([hidden, dim], 0.1 * Math.sqrt(1 / hidden)),
      outputBias: dense([dim], 0),
      features: dense([total(data.itemFeatures.cardinalities), dim], sideScale),
      // Padding looks up the last row, so there must be one even without tags.
      tags: dense([Math.max(1, data.itemTags.cardinality), dim], sideScale),
    },
  };
}

/** The parameters as inputs of a graph: dense ones whole, of each table the rows of a step. */
export function parameterInputs(
  graph: Graph,
  { tables, dense }: Parameters,
): UserParameters & ItemParameters {
  const input = (name: DenseName | TableName): Tensor =>
    name in dense
      ? graph.input(name, dense[name as DenseName].shape)
      : graph.input(name, [`${name} rows`, tables[name as TableName].width]);
  return parameterTensors(input);
}

/** The parameters as constants of a graph. */
export function parameterConstants(
  graph: Graph,
  { tables, dense }: Parameters,
): UserParameters & ItemParameters {
  return parameterTensors((name) => {
    if (name in dense) {
      const { weights, shape } = dense[name as DenseName];
      return graph.constant(weights, shape);
    }
    const { weights, rows, width } = tables[name as TableName];
    return graph.constant(weights, [rows, width]);
  });
}

function parameterTensors(make: (name: DenseName | TableName) => Tensor): UserParameters & ItemParameters {
  return Object.fromEntries([...tableNames, ...denseNames].map((name) => [name, make(name)])) as Record<
    TableName | DenseName,
    Tensor
  >;
}
