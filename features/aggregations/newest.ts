import type { Aggregation, Timestamped } from '../aggregation.ts';

/** The newest event's timestamp, ms since the epoch; null without events. */
export function newest<Event extends Timestamped>(): Aggregation<number | null, Event, number | null> {
  return {
    empty: () => null,
    add: (state, event) => (state === null || event.ts > state ? event.ts : state),
    merge: (a, b) => (a === null || b === null ? (a ?? b) : Math.max(a, b)),
    encode: (writer, state) => {
      writer.unsigned(state === null ? 0 : 1);
      if (state !== null) writer.signed(state);
    },
    decode: (reader) => {
      const present = reader.unsigned();
      reader.require(present <= 1, 'a flag other than 0 and 1');
      return present === 0 ? null : reader.signed();
    },
    finish: (state) => state,
  };
}
