import type { Candidate } from '../candidates/candidate.ts';

/** The part of a list whose scores are on one scale, and its relevance from 0 (its lowest score) to 1. */
export function scoredHead(list: readonly Candidate[]): {
  readonly head: readonly Candidate[];
  /** What filled up, which nothing compares. */
  readonly tail: readonly Candidate[];
  readonly relevanceOf: (candidate: Candidate) => number;
} {
  let [lowest, highest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let end = 0;
  for (; end < list.length; end++) {
    const { score } = list[end] as Candidate;
    if (Number.isNaN(score)) break;
    lowest = Math.min(lowest, score);
    highest = Math.max(highest, score);
  }
  const range = highest - lowest;
  const relevanceOf = ({ score }: Candidate) => (range > 0 ? (score - lowest) / range : 1);
  return { head: end === list.length ? list : list.slice(0, end), tail: list.slice(end), relevanceOf };
}
