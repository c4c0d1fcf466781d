/** Counts of events in fixed buckets. */
import { invariant } from '#platform';
import type { Aggregation, Timestamped } from '../aggregation.ts';
import { addExact } from './sums.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** 1970-01-01 was a Thursday. */
const EPOCH_WEEKDAY = 3;

/**
 * Counts by `index(event)`, from 0 to `buckets` - 1; null passes the event over. The state is all counts, a byte or
 * more each, so it suits few buckets; the result is the counts in order.
 */
export function histogram<Event>(
  buckets: number,
  index: (event: Event) => number | null,
): Aggregation<number[], Event, number[]> {
  invariant(Number.isSafeInteger(buckets) && buckets > 0, 'a histogram has one bucket or more');
  return {
    empty: () => new Array<number>(buckets).fill(0),
    add: (state, event) => {
      const bucket = index(event);
      if (bucket === null) return state;
      const counted = state[bucket];
      invariant(counted !== undefined, 'an event falls outside of the buckets of its histogram');
      state[bucket] = addExact(counted, 1);
      return state;
    },
    merge: (a, b) => a.map((count, bucket) => addExact(count, b[bucket] as number)),
    encode: (writer, state) => {
      for (const count of state) writer.unsigned(count);
    },
    decode: (reader) => {
      const state: number[] = [];
      for (let bucket = 0; bucket < buckets; bucket++) state.push(reader.unsigned());
      return state;
    },
    finish: (state) => state.slice(),
  };
}

/**
 * A histogram of numbers: bucket i has those from `bounds[i - 1]` on and below `bounds[i]`, the first all below and the
 * last all from the last bound on. Null passes the event over.
 */
export function histogramOf<Event>(
  bounds: readonly number[],
  value: (event: Event) => number | null,
): Aggregation<number[], Event, number[]> {
  const ascend = bounds.every((bound, index) => index === 0 || (bounds[index - 1] as number) < bound);
  invariant(ascend, 'the bounds of a histogram ascend');
  return histogram(bounds.length + 1, (event: Event) => {
    const number = value(event);
    if (number === null) return null;
    invariant(!Number.isNaN(number), 'a value of a feature view is not a number');
    let bucket = 0;
    while (bucket < bounds.length && (bounds[bucket] as number) <= number) bucket++;
    return bucket;
  });
}

/** Events by hour of the day, UTC. */
export function hourHistogram<Event extends Timestamped>(): Aggregation<number[], Event, number[]> {
  return histogram(24, (event: Event) => hourOfDay(event.ts));
}

/** Events by day of the week, UTC, Monday first. */
export function weekdayHistogram<Event extends Timestamped>(): Aggregation<number[], Event, number[]> {
  return histogram(7, (event: Event) => weekday(event.ts));
}

/** 0 to 23, UTC, of a time in ms since the epoch. */
export function hourOfDay(ts: number): number {
  return Math.floor(ts / HOUR_MS) - 24 * Math.floor(ts / DAY_MS);
}

/** 0 (Monday) to 6 (Sunday), UTC, of a time in ms since the epoch. */
export function weekday(ts: number): number {
  const days = Math.floor(ts / DAY_MS) + EPOCH_WEEKDAY;
  return days - 7 * Math.floor(days / 7);
}
