/**
 * When a search has looked through enough lists. A list may hold a vector that is better than the worst of those found, if that vector
 * lies far enough from its centroid in the direction of the query: how far is the list's gap. Lists are taken best first and what is
 * found only gets better, so gaps only grow, and a search ends at the first one beyond a calibrated reach. Queries with a clear answer
 * end early, others go on, and so does a search whose filter keeps the nearest from being found.
 */
import type { Metric } from '../port.ts';

/**
 * The gap of a list: from the score of its centroid to the least score that is among the best so far, as a distance. Negative infinity
 * while there are fewer than k, and for a query of zeros, which no vector is near to.
 */
export function gapOf(metric: Metric, least: number, score: number, norm: number): number {
  if (metric === 'l2') return Math.sqrt(-score) - Math.sqrt(-least);
  return norm === 0 ? Number.NEGATIVE_INFINITY : (least - score) / norm;
}

export function normOf(query: Float32Array): number {
  let squares = 0;
  for (let d = 0; d < query.length; d++) squares += (query[d] as number) ** 2;
  return Math.sqrt(squares);
}
