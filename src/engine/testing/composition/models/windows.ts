import type { Emit, Model, Row } from '../model.ts';
import type { Fold } from '../values.ts';
import { byDue } from './timers.ts';

export type Emission = 'every-update' | 'on-close';

type Open = {
  readonly key: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly closesAtMs: number;
  state: string;
  newestMs: number;
  /** The time of the first record that was taken into it. */
  readonly firstMs: number;
};

function rowOf({ key, startMs, endMs, closesAtMs, newestMs }: Open, value: string | null): Row {
  return { key, value, timestamp: newestMs, span: { startMs, endMs, closesAtMs } };
}

/** Emits the windows that have closed, by (close, key, start), and returns the others. */
function close(windows: readonly Open[], watermark: number, emission: Emission, emit: Emit): Open[] {
  const closed = windows.filter(({ closesAtMs }) => closesAtMs <= watermark);
  closed.sort(byDue(({ closesAtMs, key, startMs }) => [closesAtMs, key, startMs]));
  if (emission === 'on-close') for (const each of closed) emit(rowOf(each, each.state));
  return windows.filter(({ closesAtMs }) => closesAtMs > watermark);
}

type Grid = { readonly sizeMs: number; readonly advanceMs: number; readonly graceMs: number };

/** Tumbling and hopping windows [start, end). `late` is given what no window takes. */
export function timeWindowModel(
  { sizeMs, advanceMs, graceMs }: Grid,
  fold: Fold,
  emission: Emission,
  late: 'drops' | 'emits' = 'drops',
): Model {
  let windows: Open[] = [];
  return {
    record: (row, watermark, emit) => {
      const { key, value, timestamp } = row;
      if (value === null) return;
      let isTaken = false;
      for (let startMs = 0; startMs <= timestamp; startMs += advanceMs) {
        const endMs = startMs + sizeMs;
        if (endMs <= timestamp || endMs <= watermark - graceMs) continue;
        isTaken = true;
        const before = windows.find((each) => each.key === key && each.startMs === startMs);
        windows = windows.filter((each) => each !== before);
        const state = fold.add(before?.state ?? fold.initial(), value);
        const after: Open = {
          ...{ key, startMs, endMs, closesAtMs: endMs + graceMs, state: state ?? '' },
          ...{ newestMs: Math.max(before?.newestMs ?? 0, timestamp), firstMs: before?.firstMs ?? timestamp },
        };
        if (state !== null) windows.push(after);
        const isChange = state !== null || before !== undefined;
        if (emission === 'every-update' && isChange) emit(rowOf(after, state));
      }
      if (!isTaken && late === 'emits') emit(row);
    },
    advance: (watermark, emit) => {
      windows = close(windows, watermark, emission, emit);
    },
    hold: () =>
      emission === 'on-close' ? Math.min(...windows.map(({ firstMs }) => firstMs)) : Number.POSITIVE_INFINITY,
  };
}

/** Sessions [first, last]. */
export function sessionModel(
  { gapMs, graceMs }: { readonly gapMs: number; readonly graceMs: number },
  fold: Fold,
  emission: Emission,
): Model {
  let sessions: Open[] = [];
  return {
    record: ({ key, value, timestamp }, watermark, emit) => {
      if (value === null) return;
      const joined = sessions
        .filter((each) => each.key === key && each.closesAtMs > watermark)
        .filter(({ startMs, endMs }) => startMs - gapMs <= timestamp && timestamp <= endMs + gapMs)
        .sort((a, b) => a.startMs - b.startMs);
      const startMs = Math.min(timestamp, ...joined.map((each) => each.startMs));
      const endMs = Math.max(timestamp, ...joined.map((each) => each.endMs));
      if (endMs < watermark - graceMs - gapMs) return;
      const merged = joined.reduce((state, each) => fold.merge(state, each.state), fold.initial());
      const state = fold.add(merged, value);
      const staysAlone = startMs === endMs && state !== null;
      if (emission === 'every-update' && !staysAlone) for (const each of joined) emit(rowOf(each, null));
      sessions = sessions.filter((each) => !joined.includes(each));
      const closesAtMs = endMs + gapMs + graceMs + 1;
      const after: Open = {
        ...{ key, startMs, endMs, closesAtMs, state: state ?? '', newestMs: endMs, firstMs: endMs },
      };
      if (state !== null) sessions.push(after);
      if (emission === 'every-update' && state !== null) emit(rowOf(after, state));
    },
    advance: (watermark, emit) => {
      sessions = close(sessions, watermark, emission, emit);
    },
    hold: () =>
      emission === 'on-close' ? Math.min(...sessions.map(({ endMs }) => endMs)) : Number.POSITIVE_INFINITY,
  };
}
