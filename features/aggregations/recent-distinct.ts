/**
 * The distinct items of a key by their newest event, the `capacity` newest of them. Cutting loses nothing that could
 * come back: an item is cut when `capacity` others stand above it in (timestamp, id), an item's newest event only
 * moves up, so the others stay above it, and an item that returns with a newer event brings its timestamp along. The
 * cut state is therefore a function of the multiset of events alone.
 */
import type { Aggregation, Timestamped } from '../aggregation.ts';
import { compareBytewise } from '../encoding.ts';

/** Parallel arrays, ascending by (time, id): the newest item is last, where most changes are. */
export type RecentItems = { readonly ids: string[]; readonly times: number[] };

/** Items newest first. Events for which `item` gives null are passed over. */
export function recentDistinct<Event extends Timestamped>(
  capacity: number,
  item: (event: Event) => string | null,
): Aggregation<RecentItems, Event, string[]> {
  return {
    empty: () => ({ ids: [], times: [] }),
    add: (state, event) => {
      const id = item(event);
      if (id !== null) place(state, id, event.ts, capacity);
      return state;
    },
    merge: (a, b) => {
      const [larger, smaller] = a.ids.length >= b.ids.length ? [a, b] : [b, a];
      const merged = { ids: larger.ids.slice(), times: larger.times.slice() };
      smaller.ids.forEach((id, index) => {
        place(merged, id, smaller.times[index] as number, capacity);
      });
      return merged;
    },
    encode: (writer, { ids, times }) => {
      writer.strings(ids);
      let previous = 0;
      for (const time of times) {
        writer.signed(time - previous);
        previous = time;
      }
    },
    decode: (reader) => {
      const ids = reader.strings();
      reader.require(ids.length <= capacity, 'more items than the list holds');
      const state: RecentItems = { ids, times: new Array<number>(ids.length) };
      let previous = 0;
      for (let i = 0; i < ids.length; i++) {
        previous += reader.signed();
        reader.require(Number.isSafeInteger(previous), 'a time beyond 2^53');
        const isOrdered = i === 0 || isBefore(state, i - 1, previous, ids[i] as string);
        reader.require(isOrdered, 'items out of order');
        state.times[i] = previous;
      }
      return state;
    },
    finish: ({ ids }) => ids.toReversed(),
  };
}

/** Whether entry `index` stands before (time, id). */
function isBefore({ ids, times }: RecentItems, index: number, time: number, id: string): boolean {
  const other = times[index] as number;
  return other === time ? compareBytewise(ids[index] as string, id) < 0 : other < time;
}

/** How many entries stand before (time, id). */
function rank(state: RecentItems, time: number, id: string): number {
  let low = 0;
  let high = state.ids.length;
  if (high > 0 && isBefore(state, high - 1, time, id)) return high;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (isBefore(state, middle, time, id)) low = middle + 1;
    else high = middle;
  }
  return low;
}

function place(state: RecentItems, id: string, time: number, capacity: number): void {
  const { ids, times } = state;
  const held = ids.lastIndexOf(id);
  // The entry that gives way: the item's own older one or, when the list is full, the oldest of all.
  const leaving = held >= 0 ? held : ids.length === capacity ? 0 : -1;
  if (leaving >= 0 && !isBefore(state, leaving, time, id)) return;
  const target = rank(state, time, id);
  if (leaving >= 0) {
    move(ids, leaving, target - 1, id);
    move(times, leaving, target - 1, time);
  } else {
    ids.push(id);
    times.push(time);
    move(ids, ids.length - 1, target, id);
    move(times, times.length - 1, target, time);
  }
}

/** Closes the gap at `from` by moving what lies between by one place, and puts `value` at `to`. */
function move<T>(list: T[], from: number, to: number, value: T): void {
  for (let i = from; i < to; i++) list[i] = list[i + 1] as T;
  for (let i = from; i > to; i--) list[i] = list[i - 1] as T;
  list[to] = value;
}
