import { seededRandom } from '../random.ts';

/** Orders, each with its reverse: enough for additive parts to be exact, and for interactions of two. */
const PAIRS_OF_ORDERS = 4;
const SEED = 1;

/** Who takes part, 1 for each player that does. */
export type Coalition = Uint8Array;

export type Shares = {
  /** What the coalition of none, and that of all, comes to. */
  readonly none: number;
  readonly all: number;
  /** [players]; they add up to `all` less `none`. */
  readonly of: Float64Array;
};

/**
 * Shapley values by sampled orders (Castro, Gómez and Tejada 2009, "Polynomial calculation of the Shapley value based on
 * sampling"), each order with its reverse (antithetic: Mitchell et al. 2022). However few orders, the values add up; they
 * are exact for two players, and for a sum of parts of one or two players each. `worthOf` gets about 8 coalitions a player
 * at once, and says what each comes to.
 */
export async function sampledShapley(
  players: number,
  worthOf: (coalitions: readonly Coalition[]) => Promise<ArrayLike<number>>,
): Promise<Shares> {
  const orders = antitheticOrders(players);
  const coalitions = [new Uint8Array(players), new Uint8Array(players).fill(1)];
  for (const order of orders) {
    for (let size = 1; size < players; size++) {
      const coalition = new Uint8Array(players);
      for (const player of order.subarray(0, size)) coalition[player] = 1;
      coalitions.push(coalition);
    }
  }
  const worths = await worthOf(coalitions);
  const [none, all] = [worths[0] as number, worths[1] as number];
  const of = new Float64Array(players);
  orders.forEach((order, nth) => {
    const first = 2 + nth * (players - 1);
    let before = none;
    order.forEach((player, place) => {
      const after = place === players - 1 ? all : (worths[first + place] as number);
      of[player] = (of[player] as number) + (after - before) / orders.length;
      before = after;
    });
  });
  return { none, all, of };
}

function antitheticOrders(players: number): readonly Int32Array[] {
  if (players === 0) return [];
  const random = seededRandom(SEED);
  return Array.from({ length: PAIRS_OF_ORDERS }, () => {
    const order = Int32Array.from({ length: players }, (_, player) => player);
    random.shuffle(order);
    return [order, order.toReversed()];
  }).flat();
}
