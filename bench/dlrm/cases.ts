import { type DlrmConfig, type DlrmData, type DlrmRows, type SparseFeature, seededRandom } from '#models';

export type DlrmCase = {
  readonly name: string;
  /** Rows of all embeddings together. */
  readonly rows: number;
  /** What differs from the defaults, for which the aims are. */
  readonly config: Partial<DlrmConfig>;
  readonly hasAims: boolean;
};

export const cases: readonly DlrmCase[] = [
  { name: '1 M rows of 16', rows: 1e6, config: {}, hasAims: true },
  {
    name: '1 M rows of 64, layers of 256 and 512',
    rows: 1e6,
    config: { dim: 64, bottomHidden: 256, topHidden: 512 },
    hasAims: false,
  },
  { name: '10 M rows of 16, row-wise Adagrad', rows: 1e7, config: {}, hasAims: true },
  {
    name: '10 M rows of 16, Adam',
    rows: 1e7,
    config: { embeddingOptimiser: 'adam', embeddingLearningRate: 0.005 },
    hasAims: true,
  },
];

const SEED = 1;
const USERS = 20_000;
const ITEMS = 10_000;
const EXAMPLES = 100_000;
const FEATURES = 13;
const DENSE = { users: 7, items: 6 };
/** Ids of the first feature of users and of items, such as a history or tags; of the others one each. */
const SEVERAL = 5;

const random = seededRandom(SEED);

export function dataOf({ rows }: DlrmCase): DlrmData {
  const cardinality = Math.floor(rows / (2 * FEATURES));
  const chance = (share: number) =>
    Uint8Array.from({ length: EXAMPLES }, () => Number(random.uniform() < share));
  return {
    users: rowsOf(USERS, DENSE.users, cardinality),
    items: rowsOf(ITEMS, DENSE.items, cardinality),
    train: {
      user: Int32Array.from({ length: EXAMPLES }, () => random.integer(USERS)),
      item: Int32Array.from({ length: EXAMPLES }, () => random.integer(ITEMS)),
      weight: new Float32Array(EXAMPLES).fill(1),
      clicked: chance(0.3),
      converted: chance(0.2),
      revenue: Float32Array.from({ length: EXAMPLES }, () => Math.exp(random.normal())),
    },
  };
}

function rowsOf(count: number, width: number, cardinality: number): DlrmRows {
  return {
    count,
    dense: { width, values: Float32Array.from({ length: count * width }, () => random.normal()) },
    sparse: Array.from({ length: FEATURES }, (_, feature): SparseFeature => {
      const each = feature === 0 ? SEVERAL : 1;
      return {
        cardinality,
        offsets: Int32Array.from({ length: count + 1 }, (_, row) => row * each),
        ids: Int32Array.from({ length: count * each }, () => random.integer(cardinality)),
      };
    }),
  };
}

/** One of the users, as a request has it. */
export function requestOf({ dense: { width, values }, sparse }: DlrmRows, row: number): DlrmRows {
  return {
    count: 1,
    dense: { width, values: values.slice(row * width, (row + 1) * width) },
    sparse: sparse.map(({ cardinality, offsets, ids }) => {
      const own = ids.slice(offsets[row], offsets[row + 1]);
      return { cardinality, offsets: Int32Array.of(0, own.length), ids: own };
    }),
  };
}
