import type { CandidateSource } from '#schemas';

/** What answers ask for candidates beside the index, which has the rest: the share that each has of those that are ranked. */
export const SOURCE_SHARES = {
  co_visited: 0.15,
  followed_category: 0.1,
  trending: 0.05,
  new: 0.05,
  popular_in_country: 0.05,
  popular_in_cohort: 0.05,
  popular: 0.05,
} as const satisfies Partial<Record<CandidateSource, number>>;

/**
 * How much an item trends: by how many standard deviations of a Poisson count its positives of a day exceed the mean of the six
 * days before; one event more tempers few.
 */
export function trend(ofDay: number, ofWeek: number): number {
  const expected = (ofWeek - ofDay) / 6;
  return (ofDay - expected) / Math.sqrt(expected + 1);
}
