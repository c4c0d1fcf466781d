import {
  type ConfigOf,
  checkRanges,
  checkValue,
  defaultsOf,
  embeddingOptimiserParameter,
  type Parameters,
} from '../parameters.ts';

/**
 * For lists of what a user will take to in the time to come. On MovieLens 100K, each user's last 20% held out, the
 * validation part (the last 20% of the rest): recall@10 .187, NDCG@10 .262; weightDecay 0, 1 and 4 differ by less than .003
 * there, 8 costs .007. Where users have few items it keeps their ids from being learned by heart: in a simulated world of
 * eleven items a user, 4 came .30 of the way from decayed popularity to the oracle after six epochs, and 0 came .26.
 *
 * With four heads NDCG@10 was .02 lower: they turn to what comes next. That is what they are for: on MovieLens 1M, where one
 * item is to be found, four heads, temperature 0.1 and unknownUserShare 0.3, with a weightDecay of 0, were best of what was
 * tried on the validation item.
 */
export const twoTowerParameters = {
  dim: {
    default: 64,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Length of the vectors of users and items.',
    search: [32, 64, 128],
  },
  hidden: {
    default: 128,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Width of the hidden layer of the user tower.',
    search: [64, 128, 256],
  },
  historyLength: {
    default: 50,
    range: 'a whole number above 0',
    most: 10_000,
    about: 'Newest items of a history that count, in training and in answers.',
  },
  heads: {
    default: 1,
    range: 'a whole number above 0',
    most: 64,
    about:
      'Ways in which the history is averaged, each with its own sense of what counts and how recent it must be.',
    search: [1, 2, 4],
  },
  temperature: {
    default: 0.15,
    range: 'above 0',
    about: 'Divides the cosine of user and item vector: at 0.1, scores from -10 to 10 enter the softmax.',
    search: { from: 0.05, to: 0.3, log: true },
  },
  logQ: {
    default: 1,
    range: 'from 0 to 1',
    about:
      'Share of the logQ correction that is applied: 1 estimates the full softmax, 0 favours rare items.',
  },
  epochs: {
    default: 6,
    range: 'a whole number above 0',
    most: 100_000,
    about: 'Passes over the examples; unless given, from 2 to 12 by the number of examples.',
  },
  batchSize: {
    default: 1024,
    range: 'a whole number above 0',
    most: 65_536,
    about: 'Examples a step, about: those of a user come together, in blocks of up to 32.',
  },
  candidates: {
    default: 1024,
    range: 'a whole number above 0',
    most: 65_536,
    about:
      'Items that each example of a batch is compared with: those of the batch, filled up with uniform ones. A catalogue that has no more gets the full softmax.',
  },
  learningRate: {
    default: 0.012,
    range: 'above 0',
    about: 'Learning rate at the first step; it falls linearly to zero at the last.',
    search: { from: 0.002, to: 0.05, log: true },
  },
  embeddingOptimiser: embeddingOptimiserParameter,
  weightDecay: {
    default: 4,
    range: 'not below 0',
    about:
      'L2, decoupled as in AdamW: the share of an embedding, times the learning rate, that each update of it takes away.',
    search: [0, 1, 4, 8],
  },
  unknownUserShare: {
    default: 0.05,
    range: 'from 0 to 1',
    about:
      'Share of the examples whose user is replaced by the unknown one, which trains its row and the histories.',
    search: [0.05, 0.1, 0.3],
  },
  unknownItemShare: {
    default: 0.02,
    range: 'from 0 to 1',
    about:
      'Share of the candidates whose item is replaced by the unknown one, which trains the tower for new items.',
  },
  unknownContextShare: {
    default: 0.1,
    range: 'from 0 to 1',
    about:
      'Share of the values of contexts that are taken away, each by itself: a request may name the device, and not the country.',
  },
  textEncoder: {
    range: 'a path',
    about: 'ONNX file that encodes item titles; by default titles are encoded by their n-grams.',
  },
} as const satisfies Parameters;

/** What the training of a two-tower model can be told. Equal seeds and data give equal bytes on one machine, on the CPU. */
export type TwoTowerConfig = ConfigOf<typeof twoTowerParameters> & { readonly seed: number };

export const twoTowerDefaults: TwoTowerConfig = { ...defaultsOf(twoTowerParameters), seed: 1 };

/** Refuses numbers that make no model, with MR_MODEL_CONFIG. */
export function checkTwoTower(config: TwoTowerConfig): void {
  checkRanges('two-tower', twoTowerParameters, config);
  checkValue('two-tower', 'seed', config.seed, 'a whole number');
}
