/**
 * The keys that weigh most. All of them are kept and the cut is made when read: a state cut to k could not tell a key
 * that came back from a new one, and would depend on the order of its events.
 */
import type { Aggregation } from '../aggregation.ts';
import { compareBytewise } from '../encoding.ts';
import { addCount, mergeCounts, type SortedCounts, search } from './sorted-counts.ts';

export type KeyCount = { readonly key: string; readonly count: number };

/** For reading at once: it reads the state that it was made of. */
export class TopCounts {
  /** The keys of the k greatest counts, greatest first, ties by their bytes. */
  readonly keys: string[];
  readonly #state: SortedCounts<string>;

  constructor(state: SortedCounts<string>, k: number) {
    this.#state = state;
    this.keys = greatest(state, k);
  }

  get top(): readonly KeyCount[] {
    return this.keys.map((key) => ({ key, count: this.count(key) }));
  }

  /** The count of any key, in the top or not; 0 for one that never was. */
  count(key: string): number {
    const found = search(this.#state.keys, key, compareBytewise);
    return found < 0 ? 0 : (this.#state.counts[found] as number);
  }
}

/**
 * Adds the integer `weight(event)` (1 if left out, may be negative) to each of `keys(event)`; a key that an event names
 * twice counts twice. A key whose weights add up to 0 is not held.
 */
export function topK<Event>(
  k: number,
  keys: (event: Event) => readonly string[],
  weight: (event: Event) => number = () => 1,
): Aggregation<SortedCounts<string>, Event, TopCounts> {
  return {
    empty: () => ({ keys: [], counts: [] }),
    add: (state, event) => {
      const amount = weight(event);
      for (const key of keys(event)) addCount(state, key, amount, compareBytewise);
      return state;
    },
    merge: (a, b) => mergeCounts(a, b, compareBytewise),
    encode: (writer, state) => {
      writer.strings(state.keys);
      for (const count of state.counts) writer.signed(count);
    },
    decode: (reader) => {
      const state: SortedCounts<string> = { keys: reader.strings(), counts: [] };
      for (let i = 0; i < state.keys.length; i++) {
        const ordered = i === 0 || compareBytewise(state.keys[i - 1] as string, state.keys[i] as string) < 0;
        reader.require(ordered, 'keys out of order');
        const count = reader.signed();
        reader.require(count !== 0, 'a key without a count');
        state.counts.push(count);
      }
      return state;
    },
    finish: (state) => new TopCounts(state, k),
  };
}

/** Goes through the keys in bytewise order, so that of equal counts the one met first stays in front. */
function greatest({ keys, counts }: SortedCounts<string>, k: number): string[] {
  const top: number[] = [];
  for (let i = 0; i < keys.length; i++) {
    const count = counts[i] as number;
    const countAt = (place: number) => counts[top[place] as number] as number;
    if (top.length < k) top.push(i);
    else if (k > 0 && countAt(k - 1) < count) top[k - 1] = i;
    else continue;
    for (let at = top.length - 1; at > 0 && countAt(at - 1) < count; at--) {
      top[at] = top[at - 1] as number;
      top[at - 1] = i;
    }
  }
  return top.map((index) => keys[index] as string);
}
