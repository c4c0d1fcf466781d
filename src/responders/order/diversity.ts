import type { Candidate } from '../candidates/candidate.ts';
import type { OrderStep } from './port.ts';
import { scoredHead } from './scored-head.ts';
import { Similarities } from './similarities.ts';

/** So many times the answer's length are compared: what ranks lower is too far from being shown. */
const WINDOW = 5;

/**
 * Maximal marginal relevance (Carbonell & Goldstein, SIGIR 1998): each place goes to the item with the greatest
 * `(1 - weight) * relevance - weight * similarity` to what stands before it. Similarity is the cosine of the items' vectors,
 * or, where a model has none, whether they share the category.
 *
 * What is placed only takes from the value of an item, so what it was when last compared is a bound: an item is compared
 * only when its bound is the greatest (lazy greedy, Minoux 1978), and most never are. The order is that of comparing all.
 */
export function diversity(weight: number): OrderStep {
  return (list, context) => {
    const { head, tail, relevanceOf } = scoredHead(list);
    const { k } = context.request;
    const size = Math.min(head.length, WINDOW * k);
    const similarities = new Similarities(head, size, context);
    const relevance = new Float64Array(size);
    for (let at = 0; at < size; at++) relevance[at] = (1 - weight) * relevanceOf(head[at] as Candidate);
    /** Upper bound of each candidate's score, given the chosen items it was compared with. */
    const bounds = relevance.slice();
    const closest = new Float64Array(size);
    const compared = new Int32Array(size);
    const chosen: number[] = [];
    while (chosen.length < Math.min(k, size)) {
      const best = greatest(bounds);
      if (compared[best] === chosen.length) {
        chosen.push(best);
        bounds[best] = Number.NEGATIVE_INFINITY;
        continue;
      }
      const nearest = similarities.closest(best, chosen, compared[best] as number);
      closest[best] = Math.max(closest[best] as number, nearest);
      compared[best] = chosen.length;
      bounds[best] = (relevance[best] as number) - weight * (closest[best] as number);
    }
    const placed = chosen.map((at) => head[at] as Candidate);
    for (let at = 0; at < head.length; at++) {
      if (at >= size || bounds[at] !== Number.NEGATIVE_INFINITY) placed.push(head[at] as Candidate);
    }
    for (const candidate of tail) placed.push(candidate);
    return placed;
  };
}

/** Where the greatest value is; the first of equal ones. */
function greatest(values: Float64Array): number {
  let best = 0;
  for (let at = 1; at < values.length; at++) {
    if ((values[at] as number) > (values[best] as number)) best = at;
  }
  return best;
}
