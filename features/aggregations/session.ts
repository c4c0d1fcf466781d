/**
 * The session that a key is in: a run of events each less than `gapMs` after the one before. The state is the times of
 * all events within `horizonMs` of the newest. Less would not do: a late event may join two sessions into one, so
 * neither the number of sessions nor where one begins can be kept up without its members. The times are the only state
 * that stays a function of the multiset of events.
 *
 * A session is seen as far back as the horizon: a longer one counts the events, and starts with the first, within it.
 */
import { invariant } from '#platform';
import type { Aggregation, Timestamped } from '../aggregation.ts';

export type Session = {
  /** How many events so far are in the session that is open at now; 0 when none is. */
  readonly position: number;
  /** From its first to its newest event, ms; 0 when none is open. */
  readonly lengthMs: number;
  /** Time of its first event; null when none is open. */
  readonly startedAt: number | null;
};

/** A session closes once `gapMs` of silence has passed. The state is times in ms, ascending, with repeats. */
export function session<Event extends Timestamped>(limits: {
  readonly gapMs: number;
  readonly horizonMs: number;
}): Aggregation<number[], Event, Session> {
  const { gapMs, horizonMs } = limits;
  invariant(gapMs > 0 && horizonMs >= gapMs, 'the horizon of a session is its gap or more');
  return {
    empty: () => [],
    add: (state, { ts }) => {
      invariant(Number.isSafeInteger(ts), 'the time of an event is an integer');
      const newest = state.at(-1);
      if (newest === undefined || ts >= newest) {
        state.push(ts);
        forget(state, horizonMs);
      } else if (newest - ts < horizonMs) {
        let at = state.length;
        while (at > 0 && (state[at - 1] as number) > ts) at--;
        state.splice(at, 0, ts);
      }
      return state;
    },
    merge: (a, b) => {
      const merged: number[] = [];
      let left = 0;
      for (const ts of b) {
        for (; left < a.length && (a[left] as number) <= ts; left++) merged.push(a[left] as number);
        merged.push(ts);
      }
      for (; left < a.length; left++) merged.push(a[left] as number);
      forget(merged, horizonMs);
      return merged;
    },
    encode: (writer, state) => {
      writer.unsigned(state.length);
      for (let i = state.length - 1; i >= 0; i--) {
        if (i === state.length - 1) writer.signed(state[i] as number);
        else writer.unsigned((state[i + 1] as number) - (state[i] as number));
      }
    },
    decode: (reader) => {
      const count = reader.unsigned();
      const state: number[] = [];
      for (let i = 0; i < count; i++) {
        state.push(i === 0 ? reader.signed() : (state[i - 1] as number) - reader.unsigned());
        reader.require(
          (state[0] as number) - (state[i] as number) < horizonMs,
          'a time that was to be forgotten',
        );
      }
      return state.reverse();
    },
    finish: (state, now) => {
      const newest = state.at(-1);
      if (newest === undefined || now - newest >= gapMs) return { position: 0, lengthMs: 0, startedAt: null };
      let first = state.length - 1;
      while (first > 0 && (state[first] as number) - (state[first - 1] as number) < gapMs) first--;
      const startedAt = state[first] as number;
      return { position: state.length - first, lengthMs: newest - startedAt, startedAt };
    },
    changesAt: (state, now) => {
      const closesAt = (state.at(-1) ?? Number.NEGATIVE_INFINITY) + gapMs;
      return now < closesAt ? closesAt : Number.POSITIVE_INFINITY;
    },
  };
}

/** Drops the times that lie `horizonMs` or more before the newest. */
function forget(state: number[], horizonMs: number): void {
  const newest = state.at(-1) ?? 0;
  let forgotten = 0;
  while (newest - (state[forgotten] ?? newest) >= horizonMs) forgotten++;
  if (forgotten > 0) state.splice(0, forgotten);
}
