/** Exact sums, and means as two of them. A total beyond 2^53 would lose bits, and with them the laws: it throws. */
import { invariant } from '#platform';
import type { Aggregation } from '../aggregation.ts';

/** a + b of two safe integers, exact or an InvariantError. */
export function addExact(a: number, b: number): number {
  const total = a + b;
  invariant(
    Number.isSafeInteger(total),
    'a sum of a feature view left the integers that a double holds exactly',
  );
  return total;
}

/** The sum of integers. */
export function sum<Event>(amount: (event: Event) => number): Aggregation<number, Event, number> {
  return {
    empty: () => 0,
    add: (state, event) => addExact(state, amount(event)),
    merge: addExact,
    encode: (writer, state) => writer.signed(state),
    decode: (reader) => reader.signed(),
    finish: (state) => state,
  };
}

/** Values are kept as integers of a thousandth: each is rounded once, as it comes in, and all that follows is exact. */
const UNITS = 1000;

export type MeanState = { total: number; count: number };

/** The mean of values, each rounded to a thousandth; null without any. */
export function mean<Event>(value: (event: Event) => number): Aggregation<MeanState, Event, number | null> {
  return {
    empty: () => ({ total: 0, count: 0 }),
    add: (state, event) => {
      state.total = addExact(state.total, Math.round(value(event) * UNITS));
      state.count++;
      return state;
    },
    merge: (a, b) => ({ total: addExact(a.total, b.total), count: addExact(a.count, b.count) }),
    encode: (writer, { total, count }) => {
      writer.unsigned(count);
      writer.signed(total);
    },
    decode: (reader) => {
      const count = reader.unsigned();
      return { count, total: reader.signed() };
    },
    finish: ({ total, count }) => (count === 0 ? null : total / count / UNITS),
  };
}
