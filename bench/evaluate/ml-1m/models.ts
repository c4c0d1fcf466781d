import {
  type FittedRecommender,
  fitEase,
  fitIals,
  fitItemKnn,
  fitPopularity,
  type InteractionMatrix,
} from '#models';
import type { Protocol } from './judge.ts';

export type Options = Readonly<Record<string, number>>;

export type Model = {
  readonly name: string;
  fit(train: InteractionMatrix, options: Options): FittedRecommender;
  /** What `--search` compares on the validation items. */
  readonly space: readonly Options[];
  /** The best of the space by NDCG@10 on the validation items, for each protocol: `npm run evaluate -- ml-1m --search`. */
  readonly chosen: Readonly<Record<Protocol, Options>>;
};

const grid = <A, B, C>(as: readonly A[], bs: readonly B[], make: (a: A, b: B) => C): C[] =>
  as.flatMap((a) => bs.map((b) => make(a, b)));

export const models: readonly Model[] = [
  {
    name: 'popularity',
    fit: (train) => fitPopularity(train),
    space: [{}],
    chosen: { sampled: {}, full: {} },
  },
  {
    name: 'item-knn',
    fit: (train, options) => fitItemKnn(train, options),
    space: grid([10, 20, 50, 100, 200], [0, 20, 100], (neighbours, shrinkage) => ({
      neighbours,
      shrinkage,
    })),
    chosen: { sampled: { neighbours: 50, shrinkage: 0 }, full: { neighbours: 10, shrinkage: 0 } },
  },
  {
    name: 'ease',
    fit: (train, options) => fitEase(train, options),
    space: [50, 100, 200, 400, 800, 1600].map((regularisation) => ({ regularisation })),
    chosen: { sampled: { regularisation: 400 }, full: { regularisation: 400 } },
  },
  {
    name: 'ials',
    fit: (train, options) => fitIals(train, options),
    space: grid([0.3, 1, 0.1], [0.007, 0.003, 0.015], (unobservedWeight, regularisation) => ({
      dimension: 64,
      epochs: 8,
      unobservedWeight,
      regularisation,
    })),
    chosen: {
      sampled: { dimension: 192, epochs: 10, unobservedWeight: 0.3, regularisation: 0.007 },
      full: { dimension: 192, epochs: 10, unobservedWeight: 0.3, regularisation: 0.007 },
    },
  },
];
