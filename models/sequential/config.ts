import { type ConfigOf, checkRanges, defaultsOf, outOfRange, type Parameters } from '../parameters.ts';

/**
 * Measured on MovieLens 1M (6,040 users, 3,706 items, 1 M interactions; each user's newest item held out), by the
 * protocol of "Neural Collaborative Filtering", one item among 99 that the user never had: HR@10 0.825, NDCG@10 0.630;
 * among all items, recall@10 0.305, NDCG@10 0.172. Twenty epochs took 14 min of processor time, 12 min of two busy cores.
 *
 * The learning rate was chosen on the item before the held-out one, of 2,000 users: six epochs gave NDCG@10 0.614 with
 * 0.002 and 0.644 with 0.004; twenty with 0.005 gave 0.657, of which 0.655 after thirteen. The rest was not searched.
 */
export const sequentialParameters = {
  dim: {
    default: 64,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Length of the vectors of users and items, and width of the transformer.',
    search: [32, 64, 128],
  },
  layers: {
    default: 2,
    range: 'a whole number above 0',
    most: 16,
    about: 'Blocks of the transformer.',
    search: [1, 2, 3],
  },
  heads: {
    default: 2,
    range: 'a whole number above 0',
    most: 64,
    about: 'Parts of equal width into which attention divides the vectors; divides `dim`.',
    search: [1, 2, 4],
  },
  hidden: {
    default: 128,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Width of the hidden layer of a block’s feed-forward part.',
  },
  historyLength: {
    default: 100,
    range: 'a whole number above 0',
    most: 10_000,
    about: 'Newest items of a history that count, in training and in answers.',
  },
  dropout: {
    default: 0.2,
    range: 'from 0 to below 1',
    about: 'Share of zeros in what is added to the residual stream.',
    search: [0.1, 0.2, 0.5],
  },
  epochs: {
    default: 20,
    range: 'a whole number above 0',
    most: 100_000,
    about: 'Passes over the histories.',
    search: [6, 10, 20],
  },
  batchRows: {
    default: 40,
    range: 'a whole number above 0',
    most: 4096,
    about:
      'Rows of `historyLength` positions a step; each row is filled with one long or several short histories.',
    search: [10, 20, 40],
  },
  shards: {
    default: 4,
    range: 'a whole number above 0',
    most: 256,
    about:
      'Parts into which the rows of a step are cut, to be computed side by side. Another number gives another result, by rounding and by what dropout drops; another number of threads never does.',
  },
  learningRate: {
    default: 0.005,
    range: 'above 0',
    about:
      'Learning rate of AdamW after the warm-up; it falls along half a cosine wave to zero at the last step.',
    search: { from: 0.001, to: 0.01, log: true },
  },
  warmUpSteps: {
    default: 200,
    range: 'not below 0',
    most: 1_000_000,
    about: 'Steps over which the learning rate rises to its full value.',
    search: [20, 200],
  },
  weightDecay: {
    default: 0.01,
    range: 'not below 0',
    about: 'Share of a weight, times the learning rate, that each step takes away.',
  },
  clipNorm: { default: 1, range: 'above 0', about: 'Limit of the global norm of the gradients of a step.' },
} as const satisfies Parameters;

export type SequentialConfig = ConfigOf<typeof sequentialParameters>;

export const sequentialDefaults: SequentialConfig = defaultsOf(sequentialParameters);

/** Refuses numbers that make no model, with MR_MODEL_CONFIG. */
export function checkSequential(config: SequentialConfig): void {
  checkRanges('sequential', sequentialParameters, config);
  const { dim, heads } = config;
  if (dim % heads !== 0) throw outOfRange('sequential', 'heads', heads, `a divisor of dim, which is ${dim}`);
}
