import { type ConfigOf, defaultsOf, embeddingOptimiserParameter, type Parameters } from '../parameters.ts';

export const dlrmParameters = {
  dim: {
    default: 16,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Length of the embeddings, and of the vectors of dense features.',
    search: [8, 16, 32],
  },
  bottomHidden: {
    default: 64,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Width of the hidden layer between dense features and their vector.',
    search: [32, 64, 128],
  },
  topHidden: {
    default: 128,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Width of the first layer over vectors and products.',
    search: [64, 128, 256],
  },
  topLayers: {
    default: 2,
    range: 'a whole number above 0',
    most: 16,
    about: 'Hidden layers over vectors and products; each is half as wide as the one before.',
    search: [1, 2, 3],
  },
  epochs: {
    default: 3,
    range: 'a whole number above 0',
    most: 100_000,
    about:
      'Passes over the examples. Embeddings of rare categories are soon known by heart, so few are best.',
    search: [1, 2, 3, 5],
  },
  batchSize: {
    default: 1024,
    range: 'a whole number above 0',
    most: 65_536,
    about: 'Examples a step.',
    search: [256, 1024, 4096],
  },
  learningRate: {
    default: 0.003,
    range: 'above 0',
    about:
      'Learning rate of Adam, which changes the layers, at the first step; it falls linearly to zero at the last.',
    search: { from: 0.0005, to: 0.01, log: true },
  },
  embeddingLearningRate: {
    default: 0.05,
    range: 'above 0',
    about: 'Learning rate of the embeddings at the first step; it falls in the same way.',
    search: { from: 0.005, to: 0.2, log: true },
  },
  embeddingOptimiser: { ...embeddingOptimiserParameter, default: 'row-wise-adagrad' },
  weightDecay: {
    default: 0,
    range: 'not below 0',
    about:
      'L2, decoupled as in AdamW: the share of an embedding, times the learning rate, that each update of it takes away.',
    search: [0, 0.01, 0.1],
  },
  conversionWeight: {
    default: 1,
    range: 'above 0',
    about: 'Weight of the loss of conversions beside that of clicks, which is 1.',
    search: [0.3, 1],
  },
  revenueWeight: {
    default: 0.1,
    range: 'above 0',
    about: 'Weight of the loss of revenue beside that of clicks, which is 1.',
    search: [0.03, 0.1, 0.3],
  },
  revenueLoss: {
    default: 'log-normal',
    choices: ['log-normal', 'squared'],
    about:
      'How revenue is learned: as a log-normal amount, which a few large ones do not rule, or by squared error, which wants no shape.',
  },
} as const satisfies Parameters;

export type DlrmConfig = ConfigOf<typeof dlrmParameters>;

export const dlrmDefaults: DlrmConfig = defaultsOf(dlrmParameters);
