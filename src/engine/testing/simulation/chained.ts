import { defineProcessor, port } from '../../topology/processor.ts';
import type { Stream } from '../../topology/stream.ts';
import type { Table } from '../../topology/table.ts';
import { tumbling } from '../../topology/windows/window.ts';
import type { Windowed } from '../../topology/windows/windowed-key.ts';
import { sizedJson } from './sized-json.ts';

/** What chains of operators under test have in common, and what a model says of it. */
export type Sum = { readonly start: number; readonly sum: number };
/** A number of a stream, as models have it. */
export type Point = { readonly key: string; readonly value: number; readonly timestamp: number };

/** Windowed rows as a stream under plain keys in the same task: what follows has only the watermark to go by. */
export function rekeyed<V, R>(
  name: string,
  rows: Table<Windowed<string>, V>,
  of: (row: V, window: Windowed<string>) => R,
): Stream<string, R> {
  const spec = defineProcessor({
    inputs: { rows: port<Windowed<string>, V | null>() },
    outputs: { rows: port<string, R>() },
    stores: {},
    process: {
      rows: ({ key: window, value: row, timestamp }, { emit }) => {
        if (row !== null) emit('rows', window.key, of(row, window), timestamp);
      },
    },
  });
  return rows.builder.process(name, spec, { rows: rows.toStream() }).rows;
}

/** Sums by window without a grace, when it closes: a number that comes late is missing in them. */
export function summed(name: string, numbers: Stream<string, number>, sizeMs: number): Stream<string, Sum> {
  const sums = numbers.windowed(tumbling({ sizeMs, graceMs: 0 })).reduce(name, (sum, n) => sum + n, {
    value: sizedJson<number>(1),
    emit: 'on-close',
  });
  return rekeyed(`${name}-rows`, sums, (sum, { startMs: start }) => ({ start, sum }));
}

/** What `summed` comes to: each sum with the newest timestamp of its numbers, in the order of closing. */
export function sumsOf(numbers: Iterable<Point>, sizeMs: number) {
  const sums = new Map<string, { key: string; value: Sum; timestamp: number }>();
  for (const { key, value, timestamp } of numbers) {
    const start = timestamp - (timestamp % sizeMs);
    const known = sums.get(`${key} ${start}`);
    const sum = (known?.value.sum ?? 0) + value;
    const newest = Math.max(known?.timestamp ?? 0, timestamp);
    sums.set(`${key} ${start}`, { key, value: { start, sum }, timestamp: newest });
  }
  return [...sums.values()].sort((a, b) => a.value.start - b.value.start);
}

/** The numbers that `sumsOf` stands for, for what comes after it in a chain. */
export function pointsOf(sums: ReturnType<typeof sumsOf>): Point[] {
  return sums.map(({ key, value: { sum: value }, timestamp }) => ({ key, value, timestamp }));
}
