/** Counts of events: of all, or by one of a closed list of labels. */
import { invariant } from '#platform';
import type { Aggregation } from '../aggregation.ts';
import { compareBytewise } from '../encoding.ts';
import { addExact } from './sums.ts';

/** How many events there were. */
export function count<Event>(): Aggregation<number, Event, number> {
  return {
    empty: () => 0,
    add: (state) => addExact(state, 1),
    merge: addExact,
    encode: (writer, state) => writer.unsigned(state),
    decode: (reader) => reader.unsigned(),
    finish: (state) => state,
  };
}

/**
 * Counts by `label(event)`, which must be one of `labels`. The state has one count for each label, in bytewise order
 * of the labels, so a row costs a byte a label and no names; a changed list of labels needs a new version of the view.
 */
export function countBy<Event, Label extends string>(
  labels: readonly Label[],
  label: (event: Event) => Label,
): Aggregation<number[], Event, Readonly<Record<Label, number>>> {
  const sorted = [...labels].sort(compareBytewise);
  const indexOf = new Map<string, number>(sorted.map((name, index) => [name, index]));
  invariant(indexOf.size === sorted.length, 'labels must be distinct');
  return {
    empty: () => sorted.map(() => 0),
    add: (state, event) => {
      const index = indexOf.get(label(event));
      invariant(index !== undefined, 'an event has a label outside of the declared list');
      state[index] = (state[index] ?? 0) + 1;
      return state;
    },
    merge: (a, b) => a.map((count, index) => addExact(count, b[index] ?? 0)),
    encode: (writer, state) => {
      for (const count of state) writer.unsigned(count);
    },
    decode: (reader) => sorted.map(() => reader.unsigned()),
    finish: (state) => {
      const record = {} as Record<Label, number>;
      for (let i = 0; i < sorted.length; i++) record[sorted[i] as Label] = state[i] as number;
      return record;
    },
  };
}
