import type { Model } from '../model.ts';

type Pending = { dueMs: number; firstMs: number; values: string };

/**
 * A processor with a timer a key, moved by each record of the key: emits the values since the last firing when it fires,
 * at the time of firing, or under the first value's own, which it holds then. A tombstone clears the timer.
 */
export function timerModel(
  delayMs: number,
  at: 'due' | 'first',
  join: (a: string, b: string) => string,
): Model {
  const pending = new Map<string, Pending>();
  return {
    record: ({ key, value, timestamp }) => {
      if (value === null) {
        pending.delete(key);
        return;
      }
      const before = pending.get(key);
      const values = before === undefined ? value : join(before.values, value);
      pending.set(key, { dueMs: timestamp + delayMs, firstMs: before?.firstMs ?? timestamp, values });
    },
    advance: (watermark, emit) => {
      const due = [...pending].filter(([, { dueMs }]) => dueMs <= watermark);
      for (const [key, { dueMs, firstMs, values }] of due.sort(byDue(([key, { dueMs }]) => [dueMs, key]))) {
        pending.delete(key);
        emit({ key, value: values, timestamp: at === 'due' ? dueMs : firstMs });
      }
    },
    hold: () =>
      at === 'due'
        ? Number.POSITIVE_INFINITY
        : Math.min(...[...pending.values()].map((each) => each.firstMs)),
  };
}

/** Orders by a time, then by texts and numbers. */
export function byDue<T>(of: (each: T) => readonly (number | string)[]): (a: T, b: T) => number {
  return (a, b) => {
    const [left, right] = [of(a), of(b)];
    for (const [i, own] of left.entries()) {
      const other = right[i] as typeof own;
      if (own !== other) return own < other ? -1 : 1;
    }
    return 0;
  };
}
