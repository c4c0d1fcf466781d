import { fitEase, fitIals, fitItemKnn, fitPopularity } from '#models';
import { type Known, type Model as OfProtocols, ofMatrix } from '../model.ts';
import { fitNeuMf } from '../neumf.ts';
import { fitSequential } from '../sequential.ts';
import { fitTwoTower, undescribed } from '../two-tower.ts';
import type { Fits } from './fits.ts';
import type { Protocol } from './judge.ts';
import { stackedOf } from './stacked.ts';

export type Model = OfProtocols<Known, Protocol>;

const twoTowerOf = { heads: 4, epochs: 3, temperature: 0.1, unknownUserShare: 0.3, weightDecay: 0 };
const sequentialOf = { epochs: 20, learningRate: 0.005 };
const neuMfOf = { factors: 192, negatives: 16, epochs: 9, weightDecay: 1.3 };
const ialsOf192 = { dim: 192, epochs: 10 };

const single: readonly Model[] = [
  {
    name: 'popularity',
    fit: ofMatrix(fitPopularity),
    space: [{}],
    chosen: { sampled: {}, full: {} },
  },
  {
    name: 'item-knn',
    fit: ofMatrix(fitItemKnn),
    space: [10, 20, 50, 100, 200].flatMap((neighbours) =>
      [0, 20, 100].map((shrinkage) => ({ neighbours, shrinkage })),
    ),
    chosen: { sampled: { neighbours: 50, shrinkage: 0 }, full: { neighbours: 10, shrinkage: 0 } },
  },
  {
    name: 'ease',
    fit: ofMatrix(fitEase),
    space: [50, 100, 200, 400, 800, 1600].map((regularisation) => ({ regularisation })),
    chosen: { sampled: { regularisation: 800 }, full: { regularisation: 200 } },
  },
  {
    name: 'ials',
    fit: ofMatrix(fitIals),
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
  {
    name: 'two-tower',
    fit: (known, options) => fitTwoTower(known, undescribed(known.matrix.users, known.matrix.items), options),
    space: [twoTowerOf, { ...twoTowerOf, temperature: 0.15, unknownUserShare: 0.05 }],
    chosen: { sampled: twoTowerOf, full: twoTowerOf },
  },
  {
    name: 'neumf',
    fit: fitNeuMf,
    space: [
      neuMfOf,
      { ...neuMfOf, epochs: 7, weightDecay: 1 },
      { ...neuMfOf, negatives: 8, weightDecay: 1 },
      { ...neuMfOf, negatives: 8, weightDecay: 1, factors: 320 },
      { ...neuMfOf, negatives: 8, epochs: 14, weightDecay: 2, learningRate: 0.0025 },
    ],
    chosen: { sampled: neuMfOf, full: neuMfOf },
  },
  {
    name: 'sequential',
    fit: fitSequential,
    // Runs of six epochs gave 0.614 with a learning rate of 0.002 and 0.644 with 0.004; twenty with 0.005 gave 0.657.
    space: [sequentialOf, { ...sequentialOf, learningRate: 0.003 }],
    chosen: { sampled: sequentialOf, full: sequentialOf },
  },
];

export function modelsOf(fits: Fits): readonly Model[] {
  const stacked = stackedOf(
    single.filter(({ name }) => name !== 'neumf'),
    fits,
  );
  return [...single, stacked];
}
