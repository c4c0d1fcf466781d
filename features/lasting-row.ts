/**
 * Rows that are kept as they were finished. Between two events of a key most of its features stay what they are for minutes
 * or days, and those that change with every moment, such as an age or a decayed sum, follow from a few numbers of the state.
 * Whoever reads the same rows again and again keeps both, and has at any later time what `finish` would give then, to
 * the last bit: each moving feature is computed by the same function in both.
 */

/** A feature that changes with every moment. */
export type MovingFeature<State> = {
  readonly feature: string;
  /** Numbers that its value follows from, as long as no event comes. */
  readonly width: number;
  terms(state: State): readonly number[];
  /** Its value at `now`, NaN where there is none, from terms that stand at `at`. */
  value(terms: ArrayLike<number>, at: number, now: number): number;
};

export type LastingRow<State> = {
  /** The first time after `now`, ms, at which a feature that does not move may change; Infinity where none does. */
  changesAt(state: State, now: number): number;
  readonly moving: readonly MovingFeature<State>[];
};

const DAY_MS = 86_400_000;

/** Days from `ts` to `now`, both ms; 0 for an event that is newer than now, null without one. */
export function daysSince(ts: number | null, now: number): number | null {
  return ts === null ? null : Math.max(0, now - ts) / DAY_MS;
}

/** The feature that is `daysSince` of this time. */
export function movingAge<State>(
  feature: string,
  since: (state: State) => number | null,
): MovingFeature<State> {
  return {
    feature,
    width: 1,
    terms: (state) => [since(state) ?? Number.NaN],
    value: (terms, at, now) => {
      const ts = terms[at] as number;
      return Number.isNaN(ts) ? Number.NaN : (daysSince(ts, now) as number);
    },
  };
}
