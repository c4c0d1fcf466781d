import type { Candidate } from '../candidates/candidate.ts';
import type { OrderStep } from './port.ts';
import { uniform } from './uniform.ts';

/** Items that the last place is drawn from, beside the one that would have it. */
const DRAWN_FROM = 20;

/**
 * With probability `rate` the last place shown that is not a promoted item's goes to one of the items that it was drawn
 * from, all alike: epsilon-greedy in one place, so that what is never shown is tried as well. Each item carries the exact
 * probability of its place. The draw follows from the request's id, so an answer can be made again. Bandits of several arms
 * take this step's place.
 */
export function exploration(rate: number): OrderStep {
  return (list, { request: { k, requestId } }) => {
    const last = list.slice(0, k).findLastIndex(({ isPromoted }) => !isPromoted);
    const between = list.slice(last + 1, k);
    const drawn = [...list.slice(last, last + 1), ...list.slice(k, k + DRAWN_FROM)];
    if (last < 0 || drawn.length < 2) return list;
    const explores = uniform(requestId, 'explore') < rate;
    const chosen = explores ? Math.floor(uniform(requestId, 'item') * drawn.length) : 0;
    const share = rate / drawn.length;
    const propensity = chosen === 0 ? 1 - rate + share : share;
    const placed = drawn[chosen] as Candidate;
    placed.propensity = propensity;
    return [
      ...list.slice(0, last),
      placed,
      ...between,
      ...drawn.toSpliced(chosen, 1),
      ...list.slice(k + DRAWN_FROM),
    ];
  };
}
