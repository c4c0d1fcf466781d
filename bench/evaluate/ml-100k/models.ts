import {
  allTimePopularity,
  decayedPopularity,
  fitEase,
  fitIals,
  fitItemKnn,
  sameForAll,
  tuneHalfLifeMs,
} from '#models';
import { type Model as OfProtocols, ofMatrix, type Scores } from '../model.ts';
import { fitSequential } from '../sequential.ts';
import { fitTwoTower } from '../two-tower.ts';
import type { Known100K } from './data.ts';

export type Model = OfProtocols<Known100K, 'full'>;

const sequentialOf = { epochs: 6, warmUpSteps: 20, batchRows: 10, learningRate: 0.003 };

export const models: readonly Model[] = [
  {
    name: 'popularity',
    fit: ({ events, matrix }) => forAll(allTimePopularity(events, matrix.items)),
    space: [{}],
    chosen: { full: {} },
  },
  {
    name: 'decayed popularity',
    // The half-life is chosen on the newest tenth of what is known.
    fit: ({ events, matrix: { items } }) =>
      forAll(
        decayedPopularity(events, items, {
          halfLifeMs: tuneHalfLifeMs(events, items),
          asOfMs: events.timestamp.reduce((newest, ms) => Math.max(newest, ms), 0),
        }),
      ),
    space: [{}],
    chosen: { full: {} },
  },
  {
    name: 'item-knn',
    fit: ofMatrix(fitItemKnn),
    space: [50, 100, 200, 400].flatMap((neighbours) =>
      [0, 10, 50].map((shrinkage) => ({ neighbours, shrinkage })),
    ),
    chosen: { full: { neighbours: 200, shrinkage: 10 } },
  },
  {
    name: 'ease',
    fit: ofMatrix(fitEase),
    space: [100, 200, 400, 800, 1600].map((regularisation) => ({ regularisation })),
    chosen: { full: { regularisation: 400 } },
  },
  {
    name: 'ials',
    fit: ofMatrix(fitIals),
    space: [0.1, 0.3, 1].flatMap((unobservedWeight) =>
      [0.003, 0.01, 0.03].map((regularisation) => ({ dim: 32, unobservedWeight, regularisation })),
    ),
    chosen: { full: { dim: 32, unobservedWeight: 1, regularisation: 0.003 } },
  },
  {
    name: 'two-tower',
    fit: (known, options) => fitTwoTower(known, known.described, options),
    space: [
      ...[0, 1, 4, 8].map((weightDecay) => ({ temperature: 0.15, unknownUserShare: 0.05, weightDecay })),
      { temperature: 0.1, unknownUserShare: 0.05 },
      { temperature: 0.15, unknownUserShare: 0.3 },
      { temperature: 0.15, unknownUserShare: 0.05, heads: 4 },
    ],
    chosen: { full: {} },
  },
  {
    name: 'sequential',
    fit: fitSequential,
    // Little to learn from: few examples a step, and few passes. Passes beyond ten only lost.
    space: [
      { epochs: 10 },
      { epochs: 20 },
      { epochs: 10, learningRate: 0.002 },
      { epochs: 10, warmUpSteps: 20 },
      { epochs: 10, warmUpSteps: 20, dropout: 0.5 },
      sequentialOf,
    ],
    chosen: { full: sequentialOf },
  },
];

function forAll(itemScores: Float64Array): Scores {
  const fitted = sameForAll(itemScores);
  return () => fitted.scores(new Int32Array());
}
