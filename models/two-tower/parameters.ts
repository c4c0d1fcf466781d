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

/** Tables of which a step reads some rows; that of titles is there where items have titles. */
export type TableName = 'user' | 'item' | 'history' | 'title';

/** All that is learned, with the state of its optimisers; text and context are there where the data have them. */
export type Parameters = {
  readonly tables: ReadonlyMap<TableName, EmbeddingTable>;
  readonly dense: ReadonlyMap<string, DenseParameter>;
};

/** Parameters without the state of their optimisers. */
type ConstantParameters = {
  readonly tables: ReadonlyMap<string, Pick<EmbeddingTable, 'weights' | 'rows' | 'width'>>;
  readonly dense: ReadonlyMap<string, Pick<DenseParameter, 'shape' | 'weights'>>;
};

// Ids of items carry most of what is to be learned: they start well apart, everything added to them near zero.
const ITEM_SCALE = 0.1;
const SIDE_SCALE = 0.03;
// Titles and contexts start at zero: an n-gram or an hour that no example has says nothing.

export function createParameters(data: TwoTowerData, config: TwoTowerConfig, random: Random): Parameters {
  const { dim, hidden, historyLength, heads, learningRate, weightDecay, embeddingOptimiser: kind } = config;
  const { itemTitles, itemTexts, train } = data;
  const table = (rows: number, scale: number) =>
    new EmbeddingTable(rows, dim, scale, random, { kind, learningRate, weightDecay });
  const normal = (shape: readonly number[], scale: number): DenseParameter =>
    dense(shape, learningRate, () => (scale === 0 ? 0 : scale * random.normal()));
  const tables = new Map<TableName, EmbeddingTable>([
    ['user', table(data.users, SIDE_SCALE)],
    ['item', table(data.items + 1, ITEM_SCALE)],
    ['history', table(data.items + 1, ITEM_SCALE)],
  ]);
  if (itemTitles !== undefined) tables.set('title', table(Math.max(1, itemTitles.cardinality), 0));
  const named = new Map<string, DenseParameter>([
    ['profile', normal([total(data.profile.cardinalities), dim], SIDE_SCALE)],
    ['attention', normal([dim, heads], 0)],
    ['recency', dense([historyLength, heads], learningRate, recencyAt(heads))],
    ['heads', dense([heads * dim, dim], learningRate, (i) => meanOfHeads(i, dim, heads))],
    ['hiddenWeights', normal([dim, hidden], Math.sqrt(1 / dim))],
    ['hiddenBias', normal([hidden], 0)],
    ['outputWeights', normal([hidden, dim], 0.1 * Math.sqrt(1 / hidden))],
    ['outputBias', normal([dim], 0)],
    ['features', normal([total(data.itemFeatures.cardinalities), dim], SIDE_SCALE)],
    // Padding looks up the last row, so there must be one even without tags.
    ['tags', normal([Math.max(1, data.itemTags.cardinality), dim], SIDE_SCALE)],
  ]);
  if (itemTexts !== undefined) named.set('text', normal([itemTexts.width, dim], 0));
  if (train.context !== undefined) {
    named.set('context', normal([total(train.context.cardinalities), dim], 0));
  }
  return { tables, dense: named };
}

function dense(
  shape: readonly number[],
  learningRate: number,
  initial: (i: number) => number,
): DenseParameter {
  const length = total(shape.slice(0, 1)) * shape.slice(1).reduce((product, size) => product * size, 1);
  const weights = Float32Array.from({ length }, (_, i) => initial(i));
  return { shape, weights, optimiser: new Adam(length, { learningRate }) };
}

/** The first head averages the history, the last one looks at the newest items, and those between lie between. */
function recencyAt(heads: number): (i: number) => number {
  return (i) => {
    const [place, head] = [Math.floor(i / heads), i % heads];
    return head === 0 ? 0 : -2 * (head / (heads - 1)) ** 3 * place;
  };
}

function meanOfHeads(i: number, dim: number, heads: number): number {
  return Math.floor(i / dim) % dim === i % dim ? 1 / heads : 0;
}

function total(sizes: readonly number[]): number {
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** The parameters as inputs of a graph: dense ones whole, of each table the rows of a step. */
export function parameterInputs(
  graph: Graph,
  { tables, dense }: Parameters,
): UserParameters & ItemParameters {
  const entries: [string, Tensor][] = [];
  for (const [name, { width }] of tables) entries.push([name, graph.input(name, [`${name} rows`, width])]);
  for (const [name, { shape }] of dense) entries.push([name, graph.input(name, shape)]);
  return Object.fromEntries(entries) as UserParameters & ItemParameters;
}

/** The parameters as constants of a graph. */
export function parameterConstants(
  graph: Graph,
  { tables, dense }: ConstantParameters,
): UserParameters & ItemParameters {
  const entries: [string, Tensor][] = [];
  for (const [name, { weights, rows, width }] of tables)
    entries.push([name, graph.constant(weights, [rows, width])]);
  for (const [name, { weights, shape }] of dense) entries.push([name, graph.constant(weights, shape)]);
  return Object.fromEntries(entries) as UserParameters & ItemParameters;
}

export function parameterNames({
  tables,
  dense,
}: Parameters): (keyof UserParameters | keyof ItemParameters)[] {
  return [...tables.keys(), ...dense.keys()] as (keyof UserParameters | keyof ItemParameters)[];
}
