import type { Candidate } from '../candidates/candidate.ts';
import type { OrderStep } from './port.ts';
import { scoredHead } from './scored-head.ts';

const DAY_MS = 86_400_000;

/**
 * Lifts new items: each gains `boost` times the range of the scores, halved with every half-life that it has been in the
 * catalogue. At 1 a brand-new item of the lowest score reaches the highest.
 */
export function freshness({
  boost,
  halfLifeDays,
}: {
  readonly boost: number;
  readonly halfLifeDays: number;
}): OrderStep {
  return (list, { request: { now }, facts }) => {
    const { head, tail, relevanceOf } = scoredHead(list);
    const values = new Float64Array(head.length);
    const places = new Array<number>(head.length);
    for (let i = 0; i < head.length; i++) {
      const candidate = head[i] as Candidate;
      const isKnown = facts.classOf(candidate.item) !== undefined;
      const ageDays = Math.max(0, now - facts.createdOf(candidate.item)) / DAY_MS;
      values[i] = relevanceOf(candidate) + (isKnown ? boost * 2 ** (-ageDays / halfLifeDays) : 0);
      places[i] = i;
    }
    places.sort((a, b) => {
      const [first, second] = [values[a] as number, values[b] as number];
      return first > second ? -1 : Number(first < second);
    });
    return [...places.map((place) => head[place] as Candidate), ...tail];
  };
}
