/**
 * The value of the newest event that has one: the greatest by (ts, event id, value). Event ids are unique to a user,
 * so in a view of one user the value never decides; elsewhere it makes the order total without keeping user ids.
 * In SQL: `arg_max(value, (ts, event_id, value)) filter (value is not null)`, texts in bytewise order.
 */
import { invariant } from '#platform';
import type { Aggregation, Identified } from '../aggregation.ts';
import { type CanonicalReader, type CanonicalWriter, compareBytewise } from '../encoding.ts';

export type LastState<Value> = {
  readonly ts: number;
  readonly eventId: string;
  readonly value: Value;
} | null;

/** The newest text; events for which `value` gives null are passed over, and without any other it is null. */
export function lastText<Event extends Identified>(
  value: (event: Event) => string | null,
): Aggregation<LastState<string>, Event, string | null> {
  return lastBy(value, compareBytewise, {
    encode: (writer, state) => writer.strings([state.eventId, state.value]),
    decode: (reader) => {
      const [eventId, text, ...more] = reader.strings();
      reader.require(eventId !== undefined && text !== undefined && more.length === 0, 'not a pair of texts');
      return { eventId: eventId as string, value: text as string };
    },
  });
}

/** The newest number, exactly; events for which `value` gives null are passed over, and without any other it is null. */
export function lastNumber<Event extends Identified>(
  value: (event: Event) => number | null,
): Aggregation<LastState<number>, Event, number | null> {
  const exact = (event: Event) => {
    const next = value(event);
    invariant(next === null || Number.isFinite(next), 'a value of a feature view is not a finite number');
    // Adding 0 makes 0 of -0, which equals it and would yet be told from it.
    return next === null ? null : next + 0;
  };
  return lastBy(exact, (a, b) => a - b, {
    encode: (writer, state) => {
      writer.strings([state.eventId]);
      writer.number(state.value);
    },
    decode: (reader) => {
      const [eventId, ...more] = reader.strings();
      reader.require(eventId !== undefined && more.length === 0, 'not a single event id');
      return { eventId: eventId as string, value: reader.number() };
    },
  });
}

type Held<Value> = { readonly eventId: string; readonly value: Value };

function lastBy<Event extends Identified, Value>(
  value: (event: Event) => Value | null,
  compareValues: (a: Value, b: Value) => number,
  held: {
    encode(writer: CanonicalWriter, state: Held<Value>): void;
    decode(reader: CanonicalReader): Held<Value>;
  },
): Aggregation<LastState<Value>, Event, Value | null> {
  return {
    empty: () => null,
    add: (state, event) => {
      const next = value(event);
      if (next === null) return state;
      const { ts, event_id: eventId } = event;
      if (state !== null) {
        const order =
          ts - state.ts || compareBytewise(eventId, state.eventId) || compareValues(next, state.value);
        if (order <= 0) return state;
      }
      return { ts, eventId, value: next };
    },
    merge: (a, b) => {
      if (a === null || b === null) return a ?? b;
      const order = a.ts - b.ts || compareBytewise(a.eventId, b.eventId) || compareValues(a.value, b.value);
      return order >= 0 ? a : b;
    },
    encode: (writer, state) => {
      writer.unsigned(state === null ? 0 : 1);
      if (state === null) return;
      writer.signed(state.ts);
      held.encode(writer, state);
    },
    decode: (reader) => {
      const present = reader.unsigned();
      reader.require(present <= 1, 'a flag other than 0 and 1');
      if (present === 0) return null;
      const ts = reader.signed();
      const { eventId, value: kept } = held.decode(reader);
      return { ts, eventId, value: kept };
    },
    finish: (state) => state?.value ?? null,
  };
}
