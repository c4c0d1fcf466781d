/**
 * The newest events of a key, one text each, with repeats: the `capacity` greatest by (ts, event id, text). What is
 * cut has `capacity` entries above it for good, so the cut state is a function of the multiset of events alone. Where a
 * text should come once, recentDistinct is the list, which needs no event ids and is smaller by them.
 */
import { invariant } from '#platform';
import type { Aggregation, Identified } from '../aggregation.ts';
import { compareBytewise } from '../encoding.ts';

export type RecentEntry = { readonly ts: number; readonly eventId: string; readonly text: string };

/** Texts newest first. Events for which `text` gives null are passed over. */
export function recentList<Event extends Identified>(
  capacity: number,
  text: (event: Event) => string | null,
): Aggregation<RecentEntry[], Event, string[]> {
  invariant(Number.isSafeInteger(capacity) && capacity > 0, 'a recent list holds one text or more');
  return {
    empty: () => [],
    add: (state, event) => {
      const next = text(event);
      if (next !== null) place(state, { ts: event.ts, eventId: event.event_id, text: next }, capacity);
      return state;
    },
    merge: (a, b) => {
      const [larger, smaller] = a.length >= b.length ? [a, b] : [b, a];
      const merged = larger.slice();
      for (const entry of smaller) place(merged, entry, capacity);
      return merged;
    },
    encode: (writer, state) => {
      const texts: string[] = [];
      for (const { eventId, text: kept } of state) texts.push(eventId, kept);
      writer.strings(texts);
      for (let i = 0; i < state.length; i++) {
        const { ts } = state[i] as RecentEntry;
        if (i === 0) writer.signed(ts);
        else writer.unsigned(ts - (state[i - 1] as RecentEntry).ts);
      }
    },
    decode: (reader) => {
      const texts = reader.strings();
      reader.require(texts.length % 2 === 0, 'an event id without a text');
      reader.require(texts.length <= 2 * capacity, 'more entries than the list holds');
      const state: RecentEntry[] = [];
      let ts = 0;
      for (let i = 0; i < texts.length; i += 2) {
        ts += i === 0 ? reader.signed() : reader.unsigned();
        reader.require(Number.isSafeInteger(ts), 'a time beyond 2^53');
        const entry = { ts, eventId: texts[i] as string, text: texts[i + 1] as string };
        const before = state.at(-1);
        reader.require(before === undefined || compare(before, entry) <= 0, 'entries out of order');
        state.push(entry);
      }
      return state;
    },
    finish: (state) => state.map((entry) => entry.text).reverse(),
  };
}

function compare(a: RecentEntry, b: RecentEntry): number {
  return a.ts - b.ts || compareBytewise(a.eventId, b.eventId) || compareBytewise(a.text, b.text);
}

/** Ascending, so the newest is last, where most events belong. */
function place(state: RecentEntry[], entry: RecentEntry, capacity: number): void {
  let at = state.length;
  while (at > 0 && compare(state[at - 1] as RecentEntry, entry) > 0) at--;
  if (state.length < capacity) {
    state.splice(at, 0, entry);
  } else if (at > 0) {
    state.copyWithin(0, 1, at);
    state[at - 1] = entry;
  }
}
