import { seededRandom } from '../../random.ts';
import type { DlrmData, Examples, Rows, SparseFeature } from '../data.ts';

export const USERS = 80;
export const ITEMS = 40;
const KINDS = 4;

const sparse = (cardinality: number, rows: readonly (readonly number[])[]): SparseFeature => {
  const offsets = new Int32Array(rows.length + 1);
  rows.forEach((row, i) => {
    offsets[i + 1] = (offsets[i] as number) + row.length;
  });
  return { cardinality, offsets, ids: Int32Array.from(rows.flat()) };
};

/**
 * Users like two of four kinds each, some unknown, and items are of one; each has a price. A click is likely where the kind
 * is liked, a conversion where the price is low, and revenue is the price, give or take: no item is popular by itself.
 */
export function shop(seed = 7): DlrmData {
  const random = seededRandom(seed);
  const likes = Array.from({ length: USERS }, (_, user) =>
    user % 9 === 0 ? [] : [user % KINDS, (user + 1) % KINDS],
  );
  const users: Rows = {
    count: USERS,
    dense: {
      width: 1,
      values: Float32Array.from({ length: USERS }, () =>
        random.uniform() < 0.2 ? Number.NaN : random.normal(),
      ),
    },
    sparse: [sparse(KINDS, likes)],
  };
  const prices = Float32Array.from({ length: ITEMS }, () => Math.exp(random.normal() + 3));
  const items: Rows = {
    count: ITEMS,
    dense: {
      width: 2,
      values: Float32Array.from({ length: 2 * ITEMS }, (_, i) =>
        i % 2 === 0 ? (prices[i >> 1] as number) : 5,
      ),
    },
    sparse: [
      sparse(
        KINDS,
        Array.from(prices, (_, item) => [item % KINDS]),
      ),
      sparse(
        ITEMS,
        Array.from(prices, (_, item) => [item]),
      ),
    ],
  };
  const examples = (count: number): Examples => {
    const user = Int32Array.from({ length: count }, () => random.integer(USERS));
    const item = Int32Array.from({ length: count }, () => random.integer(ITEMS));
    const clicked = Uint8Array.from(user, (one, i) => {
      const isLiked = likes[one]?.includes((item[i] as number) % KINDS) === true;
      return random.uniform() < (isLiked ? 0.8 : 0.1) ? 1 : 0;
    });
    const converted = Uint8Array.from(item, (one) =>
      random.uniform() < ((prices[one] as number) < Math.exp(3) ? 0.8 : 0.2) ? 1 : 0,
    );
    const revenue = Float32Array.from(
      item,
      (one) => (prices[one] as number) * Math.exp(0.3 * random.normal()),
    );
    return { user, item, weight: new Float32Array(count).fill(1), clicked, converted, revenue };
  };
  return { users, items, train: examples(4000), validation: examples(600) };
}

/** One row of the users, as a request has it. */
export function oneOf({ dense, sparse: features }: Rows, row: number): Rows {
  return {
    count: 1,
    dense: {
      width: dense.width,
      values: dense.values.slice(row * dense.width, (row + 1) * dense.width),
    },
    sparse: features.map(({ cardinality, offsets, ids }) =>
      sparse(cardinality, [[...ids.subarray(offsets[row], offsets[row + 1])]]),
    ),
  };
}
