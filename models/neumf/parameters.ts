import { DenseParameters, type DenseShape } from '../optimise/dense-parameters.ts';
import { EmbeddingTable } from '../optimise/embedding-table.ts';
import { beforeRectifier, halvingWidths, hiddenLayers } from '../optimise/hidden-layers.ts';
import type { Random } from '../random.ts';
import type { NeuMfConfig } from './config.ts';
import type { NeuMfData } from './data.ts';

/** Tables of which a step reads some rows. The last row is that of whoever is not known. */
export const tableNames = ['userFactors', 'userEmbeddings', 'itemFactors', 'itemEmbeddings'] as const;
export type TableName = (typeof tableNames)[number];

/** All that is learned, with the state of its optimisers. */
export type Parameters = {
  readonly tables: Readonly<Record<TableName, EmbeddingTable>>;
  readonly dense: DenseParameters;
};

const EMBEDDING_DEVIATION = 0.03;

export function createParameters(
  { users, items }: Pick<NeuMfData, 'users' | 'items'>,
  config: NeuMfConfig,
  random: Random,
): Parameters {
  const { factors, dim, learningRate, weightDecay, embeddingOptimiser: kind } = config;
  const options = { kind, learningRate, weightDecay };
  const table = (rows: number, width: number) =>
    new EmbeddingTable(rows + 1, width, EMBEDDING_DEVIATION, random, options);
  const tables = {
    userFactors: table(users, factors),
    userEmbeddings: table(users, dim),
    itemFactors: table(items, factors),
    itemEmbeddings: table(items, dim),
  };
  return { tables, dense: new DenseParameters(shapes(config), { learningRate }, random) };
}

function shapes(config: NeuMfConfig): DenseShape[] {
  const { dim, factors } = config;
  const widths = halvingWidths(config.hidden, config.layers);
  const [first, last] = [widths[0] as number, widths.at(-1) as number];
  return [
    // The first layer has two parts: one reads the user's embedding, the other the item's.
    { name: 'userWeights', shape: [dim, first], start: beforeRectifier(2 * dim) },
    { name: 'itemWeights', shape: [dim, first], start: beforeRectifier(2 * dim) },
    { name: 'firstBias', shape: [first], start: { value: 0 } },
    ...hiddenLayers(widths),
    // The factors begin as plain matrix factorisation does.
    { name: 'factorWeights', shape: [1, factors], start: { value: 1 } },
    { name: 'hiddenWeights', shape: [last, 1], start: beforeRectifier(last) },
    { name: 'bias', shape: [1], start: { value: 0 } },
  ];
}
