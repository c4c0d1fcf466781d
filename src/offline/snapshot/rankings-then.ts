import { POPULARITY_HALF_LIFE_MS, trend } from '#features';
import { TopK } from '#models';

/** Candidates by what they are: [candidates], in the order of (since, item id). */
export type Catalogue = {
  /** When each was created or first met, ms, ascending. */
  readonly since: Float64Array;
  /** A number for each category; -1 for a candidate without one. */
  readonly category: Int32Array;
};

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** The best of a list that are drawn from: about as many as a ranker of a hundred candidates gets of it. */
const LONG = 15;
const SHORT = 5;

const NONE: ArrayLike<number> = [];

/**
 * The catalogue as answers would have ranked it at a time, by what positives there had been: what is popular, trending, new,
 * and popular in a category. It is ranked again when an hour has passed in which a tenth as many positives as there are
 * items have come, so a catalogue of any size costs about the same for each positive.
 */
export class RankingsThen {
  readonly #catalogue: Catalogue;
  readonly #item: Int32Array;
  readonly #ts: Float64Array;
  readonly #popularity: Float64Array;
  readonly #decayedAt: Float64Array;
  readonly #ofDay: Int32Array;
  readonly #ofWeek: Int32Array;
  /** Positives before these are older than a day, or a week. */
  #dayFrom = 0;
  #weekFrom = 0;
  #added = 0;
  #rankedMs = Number.NEGATIVE_INFINITY;
  #rankedAfter = 0;
  #present = 0;
  popular: ArrayLike<number> = NONE;
  trending: ArrayLike<number> = NONE;
  newest: ArrayLike<number> = NONE;
  #byCategory: ReadonlyMap<number, ArrayLike<number>> = new Map();

  /** `item` and `ts` are those of the positives, in order of time. */
  constructor(catalogue: Catalogue, item: Int32Array, ts: Float64Array) {
    this.#catalogue = catalogue;
    this.#item = item;
    this.#ts = ts;
    const { length } = catalogue.since;
    [this.#popularity, this.#decayedAt] = [new Float64Array(length), new Float64Array(length)];
    [this.#ofDay, this.#ofWeek] = [new Int32Array(length), new Int32Array(length)];
  }

  /** Those in the category of an item. */
  ofCategoryOf(item: number | undefined): ArrayLike<number> {
    if (item === undefined) return NONE;
    return this.#byCategory.get(this.#catalogue.category[item] as number) ?? NONE;
  }

  /** Before what positives `count` and later are of, at their time. */
  moveTo(now: number, count: number): void {
    for (; this.#added < count; this.#added++) this.#add(this.#added);
    const { since } = this.#catalogue;
    while (this.#present < since.length && (since[this.#present] as number) < now) this.#present++;
    const isDue = now - this.#rankedMs >= HOUR_MS && this.#added - this.#rankedAfter >= this.#present / 10;
    if (isDue || this.#rankedMs === Number.NEGATIVE_INFINITY) this.#rank(now);
  }

  #add(positive: number): void {
    const [item, ts] = [this.#item[positive] as number, this.#ts[positive] as number];
    this.#popularity[item] = this.#popularityAt(item, ts) + 1;
    this.#decayedAt[item] = ts;
    this.#ofDay[item] = (this.#ofDay[item] as number) + 1;
    this.#ofWeek[item] = (this.#ofWeek[item] as number) + 1;
  }

  #popularityAt(item: number, now: number): number {
    return (
      (this.#popularity[item] as number) *
      2 ** (((this.#decayedAt[item] as number) - now) / POPULARITY_HALF_LIFE_MS)
    );
  }

  #rank(now: number): void {
    this.#dayFrom = this.#forget(this.#ofDay, this.#dayFrom, now - DAY_MS);
    this.#weekFrom = this.#forget(this.#ofWeek, this.#weekFrom, now - 7 * DAY_MS);
    const { category } = this.#catalogue;
    const [popular, trending] = [new TopK(LONG), new TopK(SHORT)];
    const byCategory = new Map<number, TopK>();
    for (let item = 0; item < this.#present; item++) {
      const popularity = this.#popularityAt(item, now);
      popular.offer(item, popularity);
      const rise = trend(this.#ofDay[item] as number, this.#ofWeek[item] as number);
      if (rise > 0) trending.offer(item, rise);
      const own = category[item] as number;
      if (own < 0) continue;
      const ofCategory = byCategory.get(own) ?? new TopK(LONG);
      byCategory.set(own, ofCategory);
      ofCategory.offer(item, popularity);
    }
    this.popular = popular.finish().ids;
    this.trending = trending.finish().ids;
    const newest = Math.min(SHORT, this.#present);
    this.newest = Int32Array.from({ length: newest }, (_, rank) => this.#present - 1 - rank);
    this.#byCategory = new Map(Array.from(byCategory, ([own, best]) => [own, best.finish().ids]));
    this.#rankedMs = now;
    this.#rankedAfter = this.#added;
  }

  #forget(counts: Int32Array, from: number, before: number): number {
    let at = from;
    for (; at < this.#added && (this.#ts[at] as number) < before; at++) {
      const item = this.#item[at] as number;
      counts[item] = (counts[item] as number) - 1;
    }
    return at;
  }
}
