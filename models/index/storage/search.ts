import { TopK } from '../../top-k.ts';
import type { EncodedQuery } from './codes.ts';
import type { IdFilter } from './id-filter.ts';

/** One search on its way: what it has found, and what it takes to be found. */
export class Search {
  readonly query: EncodedQuery;
  readonly filter: IdFilter | undefined;
  readonly best: TopK;
  /** What `screen` compares bounds with. */
  threshold: number;

  constructor(query: EncodedQuery, k: number, filter: IdFilter | undefined) {
    this.query = query;
    this.filter = filter;
    this.best = new TopK(k);
    this.threshold = query.threshold(this.best.threshold);
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
