/**
 * Any aggregation over time windows, exactly: one state for each bucket of time, merged when read. A window needs
 * buckets of its own granularity only (windows.ts), so buckets come in tiers, the finest for the shortest windows, and
 * merge into the next tier's wider ones with age. As in decayed-sum.ts buckets are placed by the clock, and age counts
 * from the key's newest event, never from now, so placement is a function of the multiset of events alone:
 *
 * - Tiers ascend by granularity g; w is the longest window of that granularity. An event is in the finest tier with
 *   ts >= floor((newest - w) / g) * g, the tier's cut, in the bucket that starts at floor(ts / g) * g.
 * - An event below the coarsest cut is dropped, or with window 'all' goes to one `rest`.
 *
 * Cuts only rise as newest does, and each is a multiple of its own granularity and of all finer ones, so a bucket comes
 * to lie below a cut as a whole, buckets merge and never part, and merging them late or early gives the same states. A
 * window's start at any now >= newest is at or above its tier's cut: no bucket that it reads holds an event before it.
 */
import { invariant } from '#platform';
import type { Aggregation, Timestamped } from '../aggregation.ts';
import { insertAt } from './insert-at.ts';
import { granularityMs, type TimeWindow, type Window, windowMs } from './windows.ts';

/**
 * Starts of buckets in units of the finest granularity, ascending, and the state of each; then what is older than all
 * of them. The last start is that of the newest event's bucket.
 */
export type WindowedState<State> = { starts: number[]; states: State[]; rest: State | null };

/** Lengths in units of the finest granularity. */
type Tier = { readonly width: number; readonly reach: number };

type Reading<W> = { readonly window: W; readonly length: number; readonly width: number };

const BELOW_ALL = Number.NEGATIVE_INFINITY;

/**
 * What `inner` gives for each window, by the window's name. A window reads the events with
 * floor((now - length) / g) * g <= ts; a now before the newest event is taken for the newest event's time.
 */
export function windowed<State, Event extends Timestamped, Out, const W extends Window>(
  inner: Aggregation<State, Event, Out>,
  windows: readonly W[],
): Aggregation<WindowedState<State>, Event, Readonly<Record<W, Out>>> {
  const { unitMs, tiers, readings } = layOut(windows);
  const cuts = tiers.map(() => 0);
  const keepsRest = (windows as readonly Window[]).includes('all');
  const clone = (state: State) => inner.merge(inner.empty(), state);

  /** Puts a bucket behind those that `into` has, or into its rest. `state` is taken over. */
  const append = (into: WindowedState<State>, start: number, state: State) => {
    const at = into.starts.length - 1;
    if (start === BELOW_ALL) {
      if (keepsRest) into.rest = into.rest === null ? state : inner.merge(into.rest, state);
    } else if (into.starts[at] === start) {
      into.states[at] = inner.merge(into.states[at] as State, state);
    } else {
      into.starts.push(start);
      into.states.push(state);
    }
  };

  /** Merges and drops buckets as a newest event in bucket `newest`, if newer than the state's own, demands. */
  const settle = (state: WindowedState<State>, newest: number) => {
    const { starts, states } = state;
    const length = starts.length;
    if (length === 0 || (starts[length - 1] as number) >= newest) return;
    for (let i = 0; i < tiers.length; i++) cuts[i] = cutOf(tiers[i] as Tier, newest);
    let kept = 0;
    for (let i = 0; i < length; i++) {
      const start = startIn(tiers, starts[i] as number, cuts);
      const bucket = states[i] as State;
      if (start === BELOW_ALL) {
        if (keepsRest) state.rest = state.rest === null ? bucket : inner.merge(state.rest, bucket);
      } else if (kept > 0 && starts[kept - 1] === start) {
        states[kept - 1] = inner.merge(states[kept - 1] as State, bucket);
      } else {
        starts[kept] = start;
        states[kept++] = bucket;
      }
    }
    if (kept === length) return;
    starts.length = kept;
    states.length = kept;
  };

  return {
    empty: () => ({ starts: [], states: [], rest: null }),
    add: (state, event) => {
      const unit = Math.floor(event.ts / unitMs);
      settle(state, unit);
      const { starts, states } = state;
      const start = bucketStart(tiers, unit, Math.max(unit, starts.at(-1) ?? unit));
      if (start === BELOW_ALL) {
        if (keepsRest) state.rest = inner.add(state.rest ?? inner.empty(), event);
        return state;
      }
      let at = starts.length - 1;
      while (at >= 0 && (starts[at] as number) > start) at--;
      if (starts[at] === start) {
        states[at] = inner.add(states[at] as State, event);
      } else {
        insertAt(starts, at + 1, start);
        insertAt(states, at + 1, inner.add(inner.empty(), event));
      }
      return state;
    },
    merge: (a, b) => {
      const merged: WindowedState<State> = { starts: [], states: [], rest: null };
      const newest = Math.max(a.starts.at(-1) ?? BELOW_ALL, b.starts.at(-1) ?? BELOW_ALL);
      for (const { rest } of [a, b]) if (rest !== null) append(merged, BELOW_ALL, clone(rest));
      let left = 0;
      let right = 0;
      while (left < a.starts.length || right < b.starts.length) {
        const fromLeft =
          (a.starts[left] ?? Number.POSITIVE_INFINITY) <= (b.starts[right] ?? Number.POSITIVE_INFINITY);
        const [from, index] = fromLeft ? [a, left++] : [b, right++];
        const start = bucketStart(tiers, from.starts[index] as number, newest);
        append(merged, start, clone(from.states[index] as State));
      }
      return merged;
    },
    encode: (writer, { starts, states, rest }) => {
      writer.unsigned(2 * starts.length + (rest === null ? 0 : 1));
      for (let i = starts.length - 1; i >= 0; i--) {
        if (i === starts.length - 1) writer.signed(starts[i] as number);
        else writer.unsigned((starts[i + 1] as number) - (starts[i] as number));
        inner.encode(writer, states[i] as State);
      }
      if (rest !== null) inner.encode(writer, rest);
    },
    decode: (reader) => {
      const head = reader.unsigned();
      const hasRest = head % 2 === 1;
      const count = (head - (hasRest ? 1 : 0)) / 2;
      reader.require(!hasRest || (keepsRest && count > 0), 'a rest that cannot be');
      const starts: number[] = [];
      const states: State[] = [];
      for (let i = 0; i < count; i++) {
        const start = i === 0 ? reader.signed() : (starts[i - 1] as number) - reader.unsigned();
        const newest = starts[0] ?? start;
        reader.require(i === 0 || start < (starts[i - 1] as number), 'buckets out of order');
        reader.require(bucketStart(tiers, start, newest) === start, 'a bucket that does not exist');
        starts.push(start);
        states.push(inner.decode(reader));
      }
      const rest = hasRest ? inner.decode(reader) : null;
      return { starts: starts.reverse(), states: states.reverse(), rest };
    },
    finish: ({ starts, states, rest }, now) => {
      const nowUnit = Math.max(Math.floor(now / unitMs), starts.at(-1) ?? BELOW_ALL);
      const record = {} as Record<W, Out>;
      let merged = inner.empty();
      let at = starts.length - 1;
      // From the shortest window to the longest, each of which has all buckets of the one before.
      for (const { window, length, width } of readings) {
        const from = Math.floor((nowUnit - length) / width) * width;
        for (; at >= 0 && (starts[at] as number) >= from; at--) {
          merged = inner.merge(merged, states[at] as State);
        }
        if (length === Number.POSITIVE_INFINITY && rest !== null) merged = inner.merge(merged, rest);
        record[window] = inner.finish(merged, now);
      }
      return record;
    },
    changesAt: ({ starts }, now) => {
      const nowUnit = Math.max(Math.floor(now / unitMs), starts.at(-1) ?? BELOW_ALL);
      let first = Number.POSITIVE_INFINITY;
      for (const { length, width } of readings) {
        const from = Math.floor((nowUnit - length) / width) * width;
        const oldest = starts.find((start) => start >= from);
        if (oldest === undefined || length === Number.POSITIVE_INFINITY) continue;
        // The window begins beyond the bucket once it begins with the next step.
        first = Math.min(first, (Math.floor(oldest / width) + 1) * width + length);
      }
      return first * unitMs;
    },
  };
}

/** The start of the bucket around `unit` that exists when `newest` is the newest bucket's; BELOW_ALL without one. */
function bucketStart(tiers: readonly Tier[], unit: number, newest: number): number {
  for (const tier of tiers) if (unit >= cutOf(tier, newest)) return startOf(unit, tier);
  return BELOW_ALL;
}

/** As `bucketStart`, for many that ask for one newest bucket: `cuts` are the tiers' own. */
function startIn(tiers: readonly Tier[], unit: number, cuts: readonly number[]): number {
  for (let i = 0; i < cuts.length; i++) {
    if (unit >= (cuts[i] as number)) return startOf(unit, tiers[i] as Tier);
  }
  return BELOW_ALL;
}

function cutOf({ width, reach }: Tier, newest: number): number {
  return Math.floor((newest - reach) / width) * width;
}

function startOf(unit: number, { width }: Tier): number {
  return width === 1 ? unit : Math.floor(unit / width) * width;
}

/** The tiers that windows need, finest first, and what reading needs of each window, shortest first. */
function layOut<W extends Window>(windows: readonly W[]) {
  const times = (windows as readonly Window[]).filter((window): window is TimeWindow => window !== 'all');
  invariant(new Set(windows).size === windows.length, 'the windows of an aggregation are distinct');
  invariant(times.length > 0, 'a windowed aggregation has a window that is not "all"');
  const widthsMs = [...new Set(times.map(granularityMs))].sort((a, b) => a - b);
  const unitMs = widthsMs[0] as number;
  const tiers = widthsMs.map((widthMs): Tier => {
    const longest = Math.max(...times.filter((w) => granularityMs(w) === widthMs).map(windowMs));
    return { width: widthMs / unitMs, reach: longest / unitMs };
  });
  const readings = windows
    .map(
      (window: Window): Reading<W> =>
        window === 'all'
          ? { window: window as W, length: Number.POSITIVE_INFINITY, width: 1 }
          : { window: window as W, length: windowMs(window) / unitMs, width: granularityMs(window) / unitMs },
    )
    .sort((a, b) => (a.length < b.length ? -1 : 1));
  return { unitMs, tiers, readings };
}
