/** What every source of candidates promises. */
import type { CandidateSource } from '#schemas';
import type { RecommendRequest } from '../request.ts';

/** An item, by its number, with its score by what found it, on a scale of its own. */
export type Found = { readonly item: number; readonly score: number };

/** Finds items that a user may take to. Adding one is a file in this folder and a line in sources.ts. */
export interface Source {
  /** As answers name it. */
  readonly name: CandidateSource;
  /** Share of a ranker's candidates, 0 to 1; the index supplies the rest. */
  readonly share: number;
  /** Whether it fills up an answer to which the index has too few items; in the order of the catalogue. */
  readonly fillsUp: boolean;
  /**
   * Best first. What the request's filter refuses may be among them, and more than `quota`: the reader takes what is
   * admitted until it has enough. Errors: FatalError and RetryableError where what it asks is unavailable.
   */
  find(request: RecommendRequest, quota: number): Iterable<Found> | Promise<Iterable<Found>>;
}
