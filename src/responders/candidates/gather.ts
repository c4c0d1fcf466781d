import type { CandidateSource } from '#schemas';
import type { Refusal } from '../filters/request-filter.ts';
import type { RecommendRequest } from '../request.ts';
import { bitOf, Candidate } from './candidate.ts';
import type { Found } from './port.ts';

/** One that a filter took out. */
export type Dropped = { readonly candidate: Candidate; readonly refusal: Refusal };

/** A source that keeps finding what is refused is given up; the longest lists hold 1,500. */
const MOST_LOOKED_AT = 2_000;

/** What one source found: at most `quota` of it, each item once however many sources find it. */
export type Harvest = {
  readonly source: CandidateSource;
  readonly found: Iterable<Found>;
  readonly quota: number;
  /** Whether the source has applied the request's filter already. */
  readonly isFiltered?: boolean;
};

/** Gathers candidates by request, and keeps account of where each came from and what was refused. */
export class Gathering {
  readonly #filter: RecommendRequest['filter'];
  readonly #candidates: Candidate[] = [];
  readonly #byItem = new Map<number, Candidate>();
  readonly #dropped = new Map<number, Dropped>();

  constructor({ filter }: Pick<RecommendRequest, 'filter'>) {
    this.#filter = filter;
  }

  /** In the order in which they were found. */
  get candidates(): readonly Candidate[] {
    return this.#candidates;
  }

  get dropped(): readonly Dropped[] {
    return [...this.#dropped.values()];
  }

  get size(): number {
    return this.#candidates.length;
  }

  /** Takes up to `quota` items that may be shown, those that are candidates already included. */
  add({ source, found, quota, isFiltered = false }: Harvest): void {
    const bit = bitOf(source);
    let taken = 0;
    let lookedAt = 0;
    for (const { item, score } of found) {
      if (taken === quota || lookedAt++ === MOST_LOOKED_AT) return;
      const known = this.#byItem.get(item);
      if (known !== undefined) {
        known.foundBy |= bit;
        taken++;
        continue;
      }
      const refusal = isFiltered ? undefined : this.#filter.refusal(item);
      if (refusal === undefined) {
        const candidate = new Candidate(item, bit, score);
        this.#byItem.set(item, candidate);
        this.#candidates.push(candidate);
        taken++;
      } else if (!this.#dropped.has(item)) {
        this.#dropped.set(item, { candidate: new Candidate(item, bit, score), refusal });
      }
    }
  }

  /** Takes items that are no candidates yet until there are this many. */
  fillUp({ source, found, quota }: Harvest): void {
    const fresh = function* (this: Gathering): Iterable<Found> {
      for (const each of found) if (!this.#byItem.has(each.item)) yield each;
    };
    this.add({ source, found: fresh.call(this), quota: quota - this.size });
  }
}
