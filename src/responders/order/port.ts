/** What every step of the last stage promises. */
import type { Candidate } from '../candidates/candidate.ts';
import type { RecommendRequest } from '../request.ts';
import type { ItemFacts } from '../view-store/port.ts';

/** Vectors of items, all of one length. */
export interface ItemVectors {
  readonly dim: number;
  /** Copies the vector of an item to `into`, from `at` on; false for an item that has none. */
  copy(item: number, into: Float32Array, at: number): boolean;
}

/** What steps may look at beside the list. */
export type OrderContext = {
  readonly request: RecommendRequest;
  readonly facts: ItemFacts;
  /** The vectors that retrieve items; undefined if there are none. */
  readonly vectors: ItemVectors | undefined;
};

/**
 * Changes the order of a list, best first, of which the first k are shown; the list that it is given stays as it is. Scores stay: an answer's scores are those of the
 * versions that it names, whatever the order. Adding a step is a file in this folder and a line in steps.ts.
 */
export type OrderStep = (list: readonly Candidate[], context: OrderContext) => readonly Candidate[];
