import { ConfigurationError } from '#platform';
import { type ConfigOf, checkRanges, type Directions, outOfRange, type Parameters } from '../parameters.ts';
import type { Column } from './ensemble.ts';

/** The numbers that a training of trees takes; names and meaning as in LightGBM where it has them. */
export const treeParameters = {
  trees: {
    default: 100,
    range: 'a whole number above 0',
    most: 10_000,
    about:
      'Maximum number of trees. With `training.patience`, an epoch is ten trees, and the trees up to the best epoch are kept.',
    search: { from: 50, to: 500, log: true, whole: true },
  },
  leaves: {
    default: 31,
    range: 'a whole number above 0',
    most: 4096,
    about: 'Leaves of a tree at most, grown best first.',
    search: [7, 15, 31, 63],
  },
  depth: {
    default: 0,
    range: 'a whole number not below 0',
    most: 4096,
    about: 'Depth of a tree at most; 0 sets no limit.',
  },
  learningRate: {
    default: 0.1,
    range: 'above 0',
    about: 'What a tree adds to the score is multiplied by this.',
    search: { from: 0.02, to: 0.3, log: true },
  },
  minRows: {
    default: 20,
    range: 'a whole number above 0',
    about: 'Rows in a leaf at least.',
    search: [5, 20, 50, 100],
  },
  minHessian: {
    default: 1e-3,
    range: 'not below 0',
    about: 'Sum of second derivatives in a leaf at least.',
  },
  regularisation: {
    default: 0,
    range: 'not below 0',
    about: 'L2 regularisation of the values of leaves.',
    search: [0, 1, 10],
  },
  rowShare: {
    default: 1,
    range: 'from 0 to 1',
    about: 'Share of the rows that each tree is grown on, drawn without replacement.',
  },
  columnShare: {
    default: 1,
    range: 'from 0 to 1',
    about: 'Share of the columns that each tree may split by.',
  },
  bins: {
    default: 255,
    range: 'a whole number above 0',
    most: 255,
    about: 'Bins of a column at most, from 2 to 255; missing values have one more.',
  },
  maxCategories: {
    default: 32,
    range: 'a whole number above 0',
    most: 255,
    about: 'Categories in the set of a split at most.',
  },
  categorySmoothing: {
    default: 10,
    range: 'not below 0',
    about:
      'Is added to the second derivatives of a category as categories are sorted; one with fewer rows in a node is in no set.',
  },
  categoryRegularisation: {
    default: 10,
    range: 'not below 0',
    about: 'L2 regularisation of categorical splits, added to `regularisation`.',
  },
  monotone: {
    default: {},
    range: '1 or -1 by column',
    about:
      'Numeric columns whose rise must not lower scores (1) or raise them (-1), by name, such as `{"item-features.popularity": 1}`.',
  },
} as const satisfies Parameters;

export const lossNames = ['logistic', 'squared', 'lambdamart', 'yetirank'] as const;
export type LossName = (typeof lossNames)[number];

export type TreeConfig = ConfigOf<typeof treeParameters> & {
  readonly loss: LossName;
};

/** What differs from the defaults; the loss has none. */
export type TreeOptions = Partial<TreeConfig> & Pick<TreeConfig, 'loss'>;

const MODEL = 'trees';
const MAX_BINS = 255;

/** All values, checked against each other and the columns: MR_MODEL_CONFIG. */
export function treeConfig(options: TreeOptions, columns: readonly Column[]): TreeConfig {
  checkRanges(MODEL, treeParameters, options);
  const defaults = Object.fromEntries(
    Object.entries(treeParameters).map(([name, parameter]) => [name, parameter.default]),
  ) as ConfigOf<typeof treeParameters>;
  const config: TreeConfig = { ...defaults, ...options };
  const refuse = (name: keyof TreeConfig, expected: string) => {
    throw outOfRange(MODEL, name, config[name], expected);
  };
  if (!lossNames.includes(config.loss)) refuse('loss', lossNames.join(', '));
  if (config.depth < 0) refuse('depth', 'not below 0');
  if (config.bins < 2 || config.bins > MAX_BINS) refuse('bins', `from 2 to ${MAX_BINS}`);
  if (config.leaves < 2) refuse('leaves', 'at least 2');
  if (config.rowShare === 0) refuse('rowShare', 'above 0');
  if (config.columnShare === 0) refuse('columnShare', 'above 0');
  checkMonotone(MODEL, config.monotone, columns);
  return config;
}

/** Refuses names that are not of numeric columns: MR_MODEL_CONFIG. */
export function checkMonotone(model: string, monotone: Directions, columns: readonly Column[]): void {
  const numeric = columns.filter(({ categories }) => categories === undefined).map(({ name }) => name);
  const unknown = Object.keys(monotone).find((name) => !numeric.includes(name));
  if (unknown === undefined) return;
  throw new ConfigurationError(
    'MR_MODEL_CONFIG',
    `${model}: monotone names ${unknown}, which is no numeric column`,
    {
      hint: `The numeric columns are ${numeric.join(', ')}.`,
    },
  );
}
