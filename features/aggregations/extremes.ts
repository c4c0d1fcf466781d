/**
 * The smallest and the largest of numbers, each kept exactly as it came in. Events for which `value` gives null are
 * passed over; without any other the result is null.
 */
import { invariant } from '#platform';
import type { Aggregation } from '../aggregation.ts';

export function min<Event>(
  value: (event: Event) => number | null,
): Aggregation<number | null, Event, number | null> {
  return extreme(value, Math.min);
}

export function max<Event>(
  value: (event: Event) => number | null,
): Aggregation<number | null, Event, number | null> {
  return extreme(value, Math.max);
}

function extreme<Event>(
  value: (event: Event) => number | null,
  choose: (a: number, b: number) => number,
): Aggregation<number | null, Event, number | null> {
  const merge = (a: number | null, b: number | null) => (a === null || b === null ? (a ?? b) : choose(a, b));
  return {
    empty: () => null,
    add: (state, event) => {
      const next = value(event);
      invariant(next === null || Number.isFinite(next), 'a value of a feature view is not a finite number');
      // Adding 0 makes 0 of -0, which equals it and would yet be told from it.
      return next === null ? state : merge(state, next + 0);
    },
    merge,
    encode: (writer, state) => {
      writer.unsigned(state === null ? 0 : 1);
      if (state !== null) writer.number(state);
    },
    decode: (reader) => {
      const present = reader.unsigned();
      reader.require(present <= 1, 'a flag other than 0 and 1');
      return present === 0 ? null : reader.number();
    },
    finish: (state) => state,
  };
}
