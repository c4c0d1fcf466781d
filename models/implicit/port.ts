/**
 * A model of implicit feedback, fitted by a function of its own file, `fit...(interactions, options)`: it has learned from
 * which user had which item, and from nothing else. Equal interactions and options give equal bytes on one machine.
 *
 * A user is known by the items that they had, so whoever came after the fit, or has had one item more since, is scored
 * in the same way.
 */
export interface FittedRecommender {
  /** Number of items; their ids are 0 .. items - 1. */
  readonly items: number;
  /**
   * Scores for someone who had the items of `history` (distinct, in any order): of all items, [items], or of the
   * `candidates`, in their order. Higher is better; they order the items of one history, and mean nothing between two.
   * What was had is scored like the rest: the caller leaves it out.
   */
  scores(history: Int32Array, candidates?: Int32Array): Float32Array;
}
