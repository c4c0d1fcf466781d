import { type Model, type Row, Unspecified } from '../model.ts';
import type { Fold } from '../values.ts';
import { byDue } from './timers.ts';
import type { Emission } from './windows.ts';

type Taken = { readonly key: string; readonly value: string; readonly timestamp: number };
type Window = { readonly key: string; readonly startMs: number };

/**
 * Windows [start, end] that end at a record or begin right after one, where they hold records; one that a record changes
 * goes out once. What becomes of a record that is late for a part of its windows hangs in Kafka Streams on how rows are found
 * again there, and is left open here.
 */
export function slidingModel(
  { differenceMs, graceMs }: { readonly differenceMs: number; readonly graceMs: number },
  fold: Fold,
  emission: Emission,
): Model {
  const taken: Taken[] = [];
  let windows: Window[] = [];
  const endOf = ({ startMs }: Window) => startMs + differenceMs;
  const closesAtOf = (window: Window) => endOf(window) + graceMs + 1;
  const holds = (window: Window, ms: number) => window.startMs <= ms && ms <= endOf(window);
  const recordsIn = (window: Window) =>
    taken.filter(({ key, timestamp }) => key === window.key && holds(window, timestamp));
  const newestIn = (window: Window) => Math.max(...recordsIn(window).map(({ timestamp }) => timestamp));
  const rowOf = (window: Window): Row => {
    const add = (state: string, { value }: Taken) => fold.add(state, value) as string;
    return {
      key: window.key,
      value: recordsIn(window).reduce(add, fold.initial()),
      timestamp: newestIn(window),
      span: { startMs: window.startMs, endMs: endOf(window), closesAtMs: closesAtOf(window) },
    };
  };
  return {
    record: ({ key, value, timestamp }, watermark, emit) => {
      if (value === null || watermark >= timestamp + 1 + differenceMs + graceMs) return;
      if (watermark > timestamp + graceMs) throw new Unspecified('late in part for sliding windows');
      taken.push({ key, value, timestamp });
      const times = taken.filter((each) => each.key === key).map((each) => each.timestamp);
      const starts = new Set(times.flatMap((ms) => [Math.max(0, ms - differenceMs), ms + 1]));
      const isKnown = (startMs: number) =>
        windows.some((each) => each.key === key && each.startMs === startMs);
      const changed = Array.from(starts, (startMs): Window => ({ key, startMs }))
        .filter((window) => closesAtOf(window) > watermark && recordsIn(window).length > 0)
        .filter((window) => holds(window, timestamp) || !isKnown(window.startMs))
        .sort((a, b) => a.startMs - b.startMs);
      windows.push(...changed.filter(({ startMs }) => !isKnown(startMs)));
      if (emission === 'every-update') for (const window of changed) emit(rowOf(window));
    },
    advance: (watermark, emit) => {
      const closed = windows.filter((window) => closesAtOf(window) <= watermark);
      windows = windows.filter((window) => closesAtOf(window) > watermark);
      closed.sort(byDue((window) => [closesAtOf(window), window.key, window.startMs]));
      if (emission === 'on-close') for (const window of closed) emit(rowOf(window));
    },
    hold: () => (emission === 'on-close' ? Math.min(...windows.map(newestIn)) : Number.POSITIVE_INFINITY),
  };
}
