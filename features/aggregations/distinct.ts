import type { Aggregation } from '../aggregation.ts';
import { compareBytewise } from '../encoding.ts';
import { search } from './sorted-counts.ts';

/**
 * How many distinct texts there were, exactly: the state is the set itself, in bytewise order, and grows with it.
 * Events for which `text` gives null are passed over.
 */
export function distinct<Event>(text: (event: Event) => string | null): Aggregation<string[], Event, number> {
  return {
    empty: () => [],
    add: (state, event) => {
      const next = text(event);
      if (next === null) return state;
      const found = search(state, next, compareBytewise);
      if (found < 0) state.splice(-1 - found, 0, next);
      return state;
    },
    merge: (a, b) => {
      const merged: string[] = [];
      let left = 0;
      let right = 0;
      while (left < a.length && right < b.length) {
        const order = compareBytewise(a[left] as string, b[right] as string);
        merged.push((order <= 0 ? a[left] : b[right]) as string);
        if (order <= 0) left++;
        if (order >= 0) right++;
      }
      return merged.concat(a.slice(left), b.slice(right));
    },
    encode: (writer, state) => writer.strings(state),
    decode: (reader) => {
      const state = reader.strings();
      for (let i = 1; i < state.length; i++) {
        const order = compareBytewise(state[i - 1] as string, state[i] as string);
        reader.require(order < 0, 'texts out of order');
      }
      return state;
    },
    finish: (state) => state.length,
  };
}
