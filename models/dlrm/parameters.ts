import { DenseParameters, type DenseShape } from '../optimise/dense-parameters.ts';
import { EmbeddingBags } from '../optimise/embedding-bags.ts';
import { beforeRectifier, halvingWidths, hiddenLayers } from '../optimise/hidden-layers.ts';
import type { Random } from '../random.ts';
import type { DlrmConfig } from './config.ts';
import { type DlrmData, type Head, headsOf, type Rows } from './data.ts';
import { normalisedWidth } from './normalisation.ts';

/** What decides the network's shape, beside its configuration. */
export type Dimensions = {
  /** Columns of the normalised dense features, and sparse features, of each side. */
  readonly user: SideDimensions;
  readonly item: SideDimensions;
  readonly candidate: SideDimensions | undefined;
  readonly heads: readonly Head[];
};
export type SideDimensions = { readonly dense: number; readonly sparse: number };
export type SideName = 'user' | 'item' | 'candidate';

/** All that is learned, with the state of its optimisers. */
export type Parameters = {
  /** Features of users, then those of items, then those of candidates. */
  readonly bags: EmbeddingBags;
  readonly dense: DenseParameters;
};

const EMBEDDING_DEVIATION = 0.05;

export function dimensionsOf({ users, items, candidates, train }: DlrmData): Dimensions {
  const side = ({ dense, sparse }: Rows) => ({
    dense: normalisedWidth(dense.width),
    sparse: sparse.length,
  });
  return {
    user: side(users),
    item: side(items),
    candidate: candidates && side(candidates),
    heads: headsOf(train),
  };
}

/** Vectors of a side: that of its dense features, and one for each sparse feature. */
export const vectorsOf = ({ sparse }: SideDimensions): number => 1 + sparse;

/** Products of two different vectors of a side. */
function pairsOf(side: SideDimensions): number {
  const vectors = vectorsOf(side);
  return (vectors * (vectors - 1)) / 2;
}

export function createParameters(
  { users, items, candidates }: DlrmData,
  dimensions: Dimensions,
  config: DlrmConfig,
  random: Random,
): Parameters {
  const { dim, learningRate, embeddingLearningRate, embeddingOptimiser: kind, weightDecay } = config;
  const cardinalities = [...users.sparse, ...items.sparse, ...(candidates?.sparse ?? [])].map(
    ({ cardinality }) => cardinality,
  );
  const options = { kind, learningRate: embeddingLearningRate, weightDecay };
  return {
    bags: new EmbeddingBags(cardinalities, dim, EMBEDDING_DEVIATION, random, options),
    dense: new DenseParameters(shapes(dimensions, config), { learningRate }, random),
  };
}

function shapes(dimensions: Dimensions, config: DlrmConfig): DenseShape[] {
  const { dim, bottomHidden } = config;
  const { user, item, candidate, heads } = dimensions;
  const widths = halvingWidths(config.topHidden, config.topLayers);
  const [first, last] = [widths[0] as number, widths.at(-1) as number];
  const own = (side: SideDimensions) => dim + pairsOf(side);
  const moving = candidate === undefined ? 0 : vectorsOf(candidate);
  const across = vectorsOf(user) * (vectorsOf(item) + moving) + vectorsOf(item) * moving;
  const inputs = own(user) + own(item) + (candidate === undefined ? 0 : own(candidate)) + across;
  const bottom = (name: SideName, { dense }: SideDimensions): DenseShape[] => [
    { name: `${name}BottomWeights`, shape: [dense, bottomHidden], start: beforeRectifier(dense) },
    { name: `${name}BottomBias`, shape: [bottomHidden], start: { value: 0 } },
    { name: `${name}VectorWeights`, shape: [bottomHidden, dim], start: beforeRectifier(2 * bottomHidden) },
    { name: `${name}VectorBias`, shape: [dim], start: { value: 0 } },
  ];
  return [
    ...bottom('user', user),
    ...bottom('item', item),
    ...(candidate === undefined ? [] : bottom('candidate', candidate)),
    // The first layer at the top has a part for each side alone, and one for what they are together.
    { name: 'userWeights', shape: [own(user), first], start: beforeRectifier(inputs) },
    { name: 'itemWeights', shape: [own(item), first], start: beforeRectifier(inputs) },
    ...(candidate === undefined
      ? []
      : [{ name: 'candidateWeights', shape: [own(candidate), first], start: beforeRectifier(inputs) }]),
    { name: 'crossWeights', shape: [across, first], start: beforeRectifier(inputs) },
    { name: 'firstBias', shape: [first], start: { value: 0 } },
    ...hiddenLayers(widths),
    { name: 'headWeights', shape: [last, heads.length], start: { deviation: 0.1 / Math.sqrt(last) } },
    { name: 'headBias', shape: [heads.length], start: { value: 0 } },
    ...(heads.includes('revenue') && config.revenueLoss === 'log-normal'
      ? [{ name: 'logDeviation', shape: [1], start: { value: 0 } }]
      : []),
  ];
}
