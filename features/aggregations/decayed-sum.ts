/**
 * A sum that decays exponentially with age, over exact state: integers in time buckets that grow with age, decayed
 * when read. After Cohen and Strauss, "Maintaining time-decaying stream aggregates" (2006), and the exponential
 * histogram of Datar et al. (2002), but with buckets placed by the clock and not by arrival, so that they are a
 * function of the multiset of events alone:
 *
 * - Time is cut into hours. A block is an aligned run of 1, 2, 4, ... up to `WIDEST` hours. A block of width w > 1
 *   exists once the newest hour of the key lies `SEPARATION * w` or more beyond the block's end. Each hour belongs to
 *   the widest existing block around it. As the newest hour grows blocks only ever come into existence, and a block's
 *   halves exist wherever it does, so blocks merge and never part: merging them late or early gives the same sums.
 * - An hour is forgotten when the aligned run of `WIDEST` hours around it ended `horizon` or more before the newest
 *   hour. No block is wider than that run, so a block is forgotten whole, and what is forgotten once stays so.
 *
 * Reading places each block at its midpoint, so the age of an event is off by w/2 at most, with w <= its age /
 * SEPARATION or w = 1 hour: for a half-life of 7 days a term is off by 0.2% when fresh and by 6.8% at most. What all
 * blocks before the newest hour come to at its start decays as one from then on (`decayTerms`), so a sum that has been
 * read once is read again at any later time by two powers. A now before the newest hour is taken for its start.
 */
import type { Aggregation, Timestamped } from '../aggregation.ts';
import type { MovingFeature } from '../lasting-row.ts';
import { insertAt } from './insert-at.ts';
import { addExact } from './sums.ts';

const HOUR_MS = 3_600_000;
const SEPARATION = 8;
const WIDEST = 32;
/** What is forgotten has decayed below 2^-12. */
const HORIZON_HALF_LIVES = 12;

/** Starts of blocks in hours since the epoch, ascending, and the sum of each. The last start is the newest hour. */
export type DecayedState = { starts: number[]; sums: number[] };

/** The sum of the integers `amount(event)`, each halved for every `halfLifeMs` (a day or more) of its age. */
export function decayedSum<Event extends Timestamped>(
  halfLifeMs: number,
  amount: (event: Event) => number,
): Aggregation<DecayedState, Event, number> {
  const horizon = Math.ceil((HORIZON_HALF_LIVES * halfLifeMs) / HOUR_MS);
  return {
    empty: () => ({ starts: [], sums: [] }),
    add: (state, event) => {
      const hour = Math.floor(event.ts / HOUR_MS);
      const newest = state.starts.at(-1);
      if (newest === undefined || hour > newest) settle(state, hour, horizon);
      else if (isForgotten(hour, newest, horizon)) return state;
      deposit(state, blockStart(hour, newest === undefined ? hour : Math.max(hour, newest)), amount(event));
      return state;
    },
    merge: (a, b) => {
      const merged = { starts: a.starts.slice(), sums: a.sums.slice() };
      const newest = b.starts.at(-1);
      if (newest === undefined) return merged;
      const other = { starts: b.starts.slice(), sums: b.sums.slice() };
      settle(merged, newest, horizon);
      settle(other, merged.starts.at(-1) ?? newest, horizon);
      other.starts.forEach((start, index) => {
        deposit(merged, start, other.sums[index] as number);
      });
      return merged;
    },
    encode: (writer, { starts, sums }) => {
      writer.unsigned(starts.length);
      let next = 0;
      for (let i = starts.length - 1; i >= 0; i--) {
        const start = starts[i] as number;
        if (i === starts.length - 1) writer.signed(start);
        else writer.unsigned(next - start);
        writer.signed(sums[i] as number);
        next = start;
      }
    },
    decode: (reader) => {
      const count = reader.unsigned();
      const starts: number[] = [];
      const sums: number[] = [];
      for (let i = 0; i < count; i++) {
        const start = i === 0 ? reader.signed() : (starts[i - 1] as number) - reader.unsigned();
        const newest = starts[0] ?? start;
        reader.require(i === 0 || start < (starts[i - 1] as number), 'time blocks out of order');
        reader.require(blockStart(start, newest) === start, 'a time block that does not exist');
        reader.require(!isForgotten(start, newest, horizon), 'a time block that was to be forgotten');
        starts.push(start);
        sums.push(reader.signed());
      }
      return { starts: starts.reverse(), sums: sums.reverse() };
    },
    finish: (state, now) => decayedAt(decayTerms(state, halfLifeMs), 0, { halfLifeMs, now }),
  };
}

/**
 * The newest hour's start in ms, what is left there of all before it, and the sum of the newest hour itself: a decayed sum at
 * any time follows from these.
 */
function decayTerms({ starts, sums }: DecayedState, halfLifeMs: number): readonly number[] {
  const last = starts.length - 1;
  if (last < 0) return [0, 0, 0];
  const newest = starts[last] as number;
  const known = decaysOf(halfLifeMs);
  let before = 0;
  for (let i = 0; i < last; i++) {
    const start = starts[i] as number;
    const halfHours = 2 * (newest - start) - blockWidth(start, newest);
    before += (sums[i] as number) * (known[halfHours] ?? decay(halfHours, halfLifeMs));
  }
  return [newest * HOUR_MS, before, sums[last] as number];
}

/** The sum at `now`, from its terms, which stand at `at`. */
function decayedAt(
  terms: ArrayLike<number>,
  at: number,
  { halfLifeMs, now }: { readonly halfLifeMs: number; readonly now: number },
): number {
  const [hourMs, before, newest] = [terms[at] as number, terms[at + 1] as number, terms[at + 2] as number];
  const ageMs = Math.max(0, now - hourMs);
  const ofNewest = newest * 2 ** (-Math.max(0, ageMs - HOUR_MS / 2) / halfLifeMs);
  return before === 0 ? ofNewest : before * 2 ** (-ageMs / halfLifeMs) + ofNewest;
}

/** The feature that is such a sum of this half-life. */
export function movingDecay<State>(
  feature: string,
  halfLifeMs: number,
  sumOf: (state: State) => DecayedState,
): MovingFeature<State> {
  return {
    feature,
    width: 3,
    terms: (state) => decayTerms(sumOf(state), halfLifeMs),
    value: (terms, at, now) => decayedAt(terms, at, { halfLifeMs, now }),
  };
}

/** How many buckets of `decayedScoreBucket` a sum passes through while it halves. */
const SCORE_BUCKETS_PER_HALVING = 8;

/**
 * The place of a decayed sum among others of the same half-life, which time does not change; null where nothing is
 * left of it. All sums decay alike, so log2(sum at now) + now / halfLife is the same at any now that is past the
 * newest hour, and whoever is ahead stays ahead. It is rounded down to an eighth: the states of one bucket lie within
 * 9.1% of each other as `finish` reads them. Against the exact decayed sums the blocks' midpoints add what `finish` is
 * off by, a factor of up to 2^(16 h / halfLife): at a half-life of 7 days, 6.8% or 0.76 of a bucket.
 */
export function decayedScoreBucket({ starts, sums }: DecayedState, halfLifeMs: number): number | null {
  const newest = starts.at(-1);
  if (newest === undefined) return null;
  const past = newest + 1;
  const known = decaysOf(halfLifeMs);
  let total = 0;
  for (let i = 0; i < starts.length; i++) {
    const start = starts[i] as number;
    const halfHours = 2 * (past - start) - blockWidth(start, newest);
    total += (sums[i] as number) * (known[halfHours] ?? decay(halfHours, halfLifeMs));
  }
  if (total <= 0) return null;
  return Math.floor(SCORE_BUCKETS_PER_HALVING * (Math.log2(total) + (past * HOUR_MS) / halfLifeMs));
}

/** What is left of 1 after this many half hours. */
function decay(halfHours: number, halfLifeMs: number): number {
  return 2 ** (-((halfHours / 2) * HOUR_MS) / halfLifeMs);
}

/** By half-life. Scores are read with each event of an item, and would otherwise compute a power for each block. */
const decays = new Map<number, readonly number[]>();

function decaysOf(halfLifeMs: number): readonly number[] {
  const known = decays.get(halfLifeMs);
  if (known !== undefined) return known;
  const oldest = 2 * Math.ceil((HORIZON_HALF_LIVES * halfLifeMs) / HOUR_MS) + 2 * WIDEST;
  const made = Array.from({ length: oldest }, (_, halfHours) => decay(halfHours, halfLifeMs));
  decays.set(halfLifeMs, made);
  return made;
}

/** The width in hours of the widest block around `hour` that exists when `newest` is the newest hour. */
export function blockWidth(hour: number, newest: number): number {
  let width = 1;
  while (width < WIDEST) {
    const wider = 2 * width;
    const end = Math.floor(hour / wider) * wider + wider;
    if (newest < end + SEPARATION * wider) break;
    width = wider;
  }
  return width;
}

function blockStart(hour: number, newest: number): number {
  const width = blockWidth(hour, newest);
  return Math.floor(hour / width) * width;
}

function isForgotten(hour: number, newest: number, horizon: number): boolean {
  return Math.floor(hour / WIDEST) * WIDEST + WIDEST + horizon <= newest;
}

/** Merges and forgets blocks as the newest hour, if `newest` is newer than the state's own, demands. */
function settle(state: DecayedState, newest: number, horizon: number): void {
  const { starts, sums } = state;
  if ((starts.at(-1) ?? newest) >= newest) return;
  let kept = 0;
  for (let i = 0; i < starts.length; i++) {
    const old = starts[i] as number;
    if (isForgotten(old, newest, horizon)) continue;
    const start = blockStart(old, newest);
    if (kept > 0 && starts[kept - 1] === start) {
      sums[kept - 1] = addExact(sums[kept - 1] as number, sums[i] as number);
    } else {
      starts[kept] = start;
      sums[kept] = sums[i] as number;
      kept++;
    }
  }
  starts.length = kept;
  sums.length = kept;
}

/** Adds to the block that starts at `start`, making it where it is missing. */
function deposit({ starts, sums }: DecayedState, start: number, amount: number): void {
  let at = starts.length;
  while (at > 0 && (starts[at - 1] as number) > start) at--;
  if (at > 0 && starts[at - 1] === start) {
    sums[at - 1] = addExact(sums[at - 1] as number, amount);
  } else {
    insertAt(starts, at, start);
    insertAt(sums, at, addExact(0, amount));
  }
}
