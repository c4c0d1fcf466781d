import { TopK } from '../../top-k.ts';
import type { EncodedQuery } from './codes.ts';
import type { IdFilter } from './id-filter.ts';

/**
 * One search on its way: what it has found, and what it takes to be found. It is begun again for each query, as what a search
 * leaves behind is what the garbage collector stops the thread for.
 */
export class Search {
  readonly query: EncodedQuery;
  readonly best = new TopK(0);
  filter: IdFilter | undefined;
  /** Whether the filter allows so few that it takes less time to ask it first. */
  allowsFew = false;
  /** What `screen` compares bounds with. */
  threshold = 0;

  constructor(query: EncodedQuery) {
    this.query = query;
  }

  /** For the query that has been encoded. */
  begin(k: number, filter: IdFilter | undefined): void {
    this.best.begin(k);
    this.filter = filter;
    this.allowsFew = false;
    this.threshold = this.query.threshold(this.best.threshold);
  }

  /** Whether it has fewer than k. */
  get wantsMore(): boolean {
    return this.best.threshold === Number.NEGATIVE_INFINITY;
  }

  offer(id: number, score: number): void {
    const least = this.best.threshold;
    if (score < least) return;
    this.best.offer(id, score);
    if (this.best.threshold !== least) this.threshold = this.query.threshold(this.best.threshold);
  }
}
