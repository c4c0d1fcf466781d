import { isTime, noTime } from '../../operators/record-checks.ts';
import { invalid } from '../topology.ts';

/** Windows [start, end) on a grid: tumbling where they do not overlap, else hopping. */
export type TimeWindow = {
  readonly kind: 'time';
  readonly sizeMs: number;
  readonly advanceMs: number;
  readonly graceMs: number;
};

/** Windows [start, end] that begin or end at a record: all sets of records that lie no further apart than this. */
export type SlidingWindow = {
  readonly kind: 'sliding';
  readonly timeDifferenceMs: number;
  readonly graceMs: number;
};

/** Windows [first record, last record]: a gap without records between them. */
export type SessionWindow = { readonly kind: 'session'; readonly gapMs: number; readonly graceMs: number };

export type Window = TimeWindow | SlidingWindow | SessionWindow;

/** Windows of one size, one behind the other, from 0 on. Whole ms; errors: MR_TOPOLOGY_INVALID. */
export function tumbling(of: { readonly sizeMs: number; readonly graceMs: number }): TimeWindow {
  return hopping({ ...of, advanceMs: of.sizeMs });
}

/**
 * Windows of one size that begin every `advanceMs`, at most the size: a record is in each that covers it. Whole ms; errors:
 * MR_TOPOLOGY_INVALID.
 */
export function hopping(of: {
  readonly sizeMs: number;
  readonly advanceMs: number;
  readonly graceMs: number;
}): TimeWindow {
  const { sizeMs, advanceMs, graceMs } = of;
  assertDuration('size', sizeMs, 1);
  assertDuration('advance', advanceMs, 1);
  assertDuration('grace', graceMs, 0);
  if (advanceMs > sizeMs)
    throw invalid('a window advances by more than its size: records would be lost between');
  return { kind: 'time', sizeMs, advanceMs, graceMs };
}

/** All sets of records no further apart than `timeDifferenceMs`. Whole ms; errors: MR_TOPOLOGY_INVALID. */
export function sliding(of: { readonly timeDifferenceMs: number; readonly graceMs: number }): SlidingWindow {
  const { timeDifferenceMs, graceMs } = of;
  assertDuration('time difference', timeDifferenceMs, 0);
  assertDuration('grace', graceMs, 0);
  return { kind: 'sliding', timeDifferenceMs, graceMs };
}

/** Records with less than or as much as `gapMs` from each to the next. Whole ms; errors: MR_TOPOLOGY_INVALID. */
export function session(of: { readonly gapMs: number; readonly graceMs: number }): SessionWindow {
  const { gapMs, graceMs } = of;
  assertDuration('gap', gapMs, 1);
  assertDuration('grace', graceMs, 0);
  return { kind: 'session', gapMs, graceMs };
}

/** The watermark from which on no record is taken into a window that ends at `endMs`. */
export function closesAt(window: Window, endMs: number): number {
  switch (window.kind) {
    case 'time':
      return endMs + window.graceMs;
    case 'sliding':
      return endMs + window.graceMs + 1;
    case 'session':
      return endMs + window.gapMs + window.graceMs + 1;
  }
}

/** How far the times of a window's records lie apart at most; of a session, of two that follow each other. */
export function lengthOf(window: Window): number {
  switch (window.kind) {
    case 'time':
      return window.sizeMs;
    case 'sliding':
      return window.timeDifferenceMs;
    case 'session':
      return window.gapMs;
  }
}

/** Windows start at 0 or later. Errors: MR_RECORD_TIMESTAMP. */
export function assertTimestamp(timestamp: number): void {
  if (!isTime(timestamp)) throw noTime('no window holds a record with', timestamp);
}

function assertDuration(what: string, ms: number, least: number): void {
  if (Number.isSafeInteger(ms) && ms >= least) return;
  throw invalid(`a window's ${what} is ${ms} ms: it must be a whole number of at least ${least}`);
}
