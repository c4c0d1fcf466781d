/**
 * Time windows by name, and where each begins. A window moves in steps of its granularity g: at time now it holds the
 * events with floor((now - length) / g) * g <= ts, ts and now in ms since the epoch. So it is its length and up to one
 * step more, never less, and SQL states it in the same words.
 */
import { invariant } from '#platform';

const UNIT_MS = { s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** `'5min'`, `'24h'`, `'7d'`: whole numbers of seconds, minutes, hours or days. */
export type TimeWindow = `${number}${keyof typeof UNIT_MS}`;
/** `'all'` has every event of a key. */
export type Window = TimeWindow | 'all';

/** Each width divides the next, so buckets of one merge into buckets of any wider one. */
const GRANULARITIES_MS = [1000, 5000, 60_000, 300_000, 3_600_000, 21_600_000, 86_400_000] as const;
const STEPS_PER_WINDOW = 12;

export function windowMs(window: TimeWindow): number {
  const [, digits, unit] = /^([1-9]\d*)(s|min|h|d)$/.exec(window) ?? [];
  const length = Number(digits) * UNIT_MS[unit as keyof typeof UNIT_MS];
  invariant(Number.isSafeInteger(length), `${window} is not a time window such as 90s, 5min, 24h or 7d`);
  return length;
}

/**
 * The step in which a window moves: the widest of 1 s, 5 s, 1 min, 5 min, 1 h, 6 h and 1 d that divides the window and
 * goes into it twelve times or more. 5 min for 1 h, 1 h for 24 h, 6 h for 7 d, 1 d for 30 d.
 */
export function granularityMs(window: TimeWindow): number {
  const length = windowMs(window);
  const step = GRANULARITIES_MS.findLast((g) => g * STEPS_PER_WINDOW <= length && length % g === 0);
  invariant(step !== undefined, `window ${window} is shorter than ${STEPS_PER_WINDOW} s`);
  return step;
}
