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

const ialsOf192 = { dimension: 192, epochs: 10 };

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
    space: [10, 20, 50, 100, 200].flatMap((neighbours) =>
      [0, 20, 100].map((shrinkage) => ({ neighbours, shrinkage })),
    ),
    chosen: { sampled: { neighbours: 50, shrinkage: 0 }, full: { neighbours: 10, shrinkage: 0 } },
  },
  {
    name: 'ease',
    fit: (train, options) => fitEase(train, options),
    space: [50, 100, 200, 400, 800, 1600].map((regularisation) => ({ regularisation })),
    chosen: { sampled: { regularisation: 800 }, full: { regularisation: 200 } },
  },
  {
    name: 'ials',
    fit: (train, options) => fitIals(train, options),
    // What was best in a coarser search with 64 dimensions, α from 0.1 to 1 and λ from 0.003 to 0.015.
    space: [
      { ...ialsOf192, unobservedWeight: 0.3, regularisation: 0.007 },
      { ...ialsOf192, unobservedWeight: 0.3, regularisation: 0.003 },
      { ...ialsOf192, unobservedWeight: 1, regularisation: 0.003 },
    ],
    chosen: {
      sampled: { ...ialsOf192, unobservedWeight: 0.3, regularisation: 0.007 },
      full: { ...ialsOf192, unobservedWeight: 1, regularisation: 0.003 },
    },
  },
];
