import { type ConfigOf, defaultsOf, embeddingOptimiserParameter, type Parameters } from '../parameters.ts';

/**
 * Chosen on MovieLens 1M (6,040 users, 3,706 items), by the protocol of the paper with the item before the held-out one: HR@10
 * .735 and NDCG@10 .441 after ten epochs; eight negatives, at half as much time again, .738 and .453. With a weightDecay of 0.5
 * .732 and .443 after twelve. With 32 factors, embeddings of 32, three layers from 64 and a weightDecay of 0.25 .721 and .433
 * after eight epochs, and by twelve .708 and .423: it learns the pairs by heart. A weightDecay of 2 takes too much there
 * (HR@10 .625 after three).
 */
export const neuMfParameters = {
  factors: {
    default: 64,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Factors of the product of user and item (generalised matrix factorisation).',
    search: [16, 32, 64, 128],
  },
  dim: {
    default: 16,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Length of the embeddings of users, and of items, that enter the layers.',
    search: [8, 16, 32],
  },
  layers: {
    default: 2,
    range: 'a whole number above 0',
    most: 16,
    about: 'Hidden layers; each is half as wide as the one before.',
    search: [1, 2, 3],
  },
  hidden: {
    default: 32,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Width of the first hidden layer.',
    search: [16, 32, 64],
  },
  negatives: {
    default: 4,
    range: 'a whole number above 0',
    most: 1000,
    about:
      'Items drawn, of those that the user has not had, for each item that they have had; others in each epoch.',
    search: [2, 4, 8],
  },
  epochs: {
    default: 12,
    range: 'a whole number above 0',
    most: 100_000,
    about: 'Passes over the pairs.',
    search: [6, 12, 20],
  },
  batchSize: {
    default: 2048,
    range: 'a whole number above 0',
    most: 65_536,
    about: 'Pairs a step, each beside its negatives.',
    search: [1024, 2048, 4096],
  },
  learningRate: {
    default: 0.005,
    range: 'above 0',
    about: 'Learning rate at the first step; it falls linearly to zero at the last.',
    search: { from: 0.0005, to: 0.02, log: true },
  },
  weightDecay: {
    default: 0.8,
    range: 'not below 0',
    about:
      'L2, decoupled as in AdamW: the share of an embedding, times the learning rate, that each update of it takes away.',
    search: [0, 0.5, 0.8, 1.5],
  },
  unknownShare: {
    default: 0.002,
    range: 'from 0 to 1',
    about:
      'Share of the pairs whose user is replaced by the unknown one, and share of the items: it trains what those get who are not known.',
  },
  embeddingOptimiser: embeddingOptimiserParameter,
} as const satisfies Parameters;

export type NeuMfConfig = ConfigOf<typeof neuMfParameters>;

export const neuMfDefaults: NeuMfConfig = defaultsOf(neuMfParameters);
