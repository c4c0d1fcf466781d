import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type ItemState, itemFeaturesView, trend, worldNow } from '#features';
import { type Clock, type Metrics, RetryableError } from '#platform';
import { itemIdOf } from '../view-store/item-numbers.ts';
import type { ViewStore } from '../view-store/port.ts';
import { BestItems } from './best-items.ts';
import type { Found } from './port.ts';

/** More than an answer can exclude: 1,000 items seen, and 100 that other sources have found. */
const POPULAR_ITEMS = 1_500;
const TRENDING_ITEMS = 500;
const NEW_ITEMS = 500;
const CATEGORY_ITEMS = 300;
const LEAST_INTERVAL_MS = 1_000;
/** A refresh may cost a twentieth of the thread's time. */
const REST_FACTOR = 20;
/** Requests wait for a slice of a refresh at most. */
const SLICE_MS = 1;

/** Lists of available items, each best first. */
type Rankings = {
  /** By decayed popularity; items without events last, by id, so that a new catalogue is recommended from at once. */
  readonly popular: readonly Found[];
  /** By how far the positive events of the last day exceed what the six days before let expect. */
  readonly trending: readonly Found[];
  /** By when they came to the catalogue. */
  readonly newest: readonly Found[];
  /** Popular ones of each category. */
  readonly byCategory: ReadonlyMap<string, readonly Found[]>;
};

const NONE: Rankings = { popular: [], trending: [], newest: [], byCategory: new Map() };

/** The catalogue ranked by what everyone did, again in the background when rows have changed. */
export class CatalogueRankings {
  readonly #views: ViewStore;
  readonly #clock: Clock;
  /** By number; decoded when first needed after a change, null for an item without events. */
  #states: (ItemState | null | undefined)[] = [];
  readonly #closing = new AbortController();
  readonly #unwatch: readonly (() => void)[];
  readonly #running: Promise<void>;
  readonly #ranked = Promise.withResolvers<void>();
  #changed = Promise.withResolvers<void>();
  #current: Rankings = NONE;

  constructor({ views, clock, metrics }: { views: ViewStore; clock: Clock; metrics: Metrics }) {
    this.#views = views;
    this.#clock = clock;
    this.#ranked.promise.catch(() => {});
    const duration = metrics.histogram('popularity_refresh_ms', 'Time to rank the items by popularity, ms.');
    this.#unwatch = [
      views.watchItems((item) => {
        if (item < this.#states.length) this.#states[item] = undefined;
        this.#changed.resolve();
      }),
      views.watchReplaced(() => {
        this.#states = [];
        this.#changed.resolve();
      }),
    ];
    this.#running = this.#run((ms) => duration.observe(ms));
  }

  /** The newest rankings; they may still hold items that have since left the catalogue. */
  get current(): Rankings {
    return this.#current;
  }

  /** Resolves when the items have been ranked once; rejects when their views cannot be read. */
  get ranked(): Promise<void> {
    return this.#ranked.promise;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    for (const unwatch of this.#unwatch) unwatch();
    this.#changed.resolve();
    this.#ranked.reject(
      new RetryableError('MR_RESPONDER_CLOSED', 'The responder was closed while it started.'),
    );
    await this.#running;
  }

  async #run(observe: (ms: number) => void): Promise<void> {
    const { signal } = this.#closing;
    try {
      // The views are closed after this, and may be read until then.
      await Promise.race([this.#views.caughtUp, this.#ranked.promise]);
    } catch (error) {
      this.#ranked.reject(error);
      return;
    }
    while (!signal.aborted) {
      this.#changed = Promise.withResolvers();
      const startMs = this.#clock.monotonic();
      await this.#refresh(signal);
      const tookMs = this.#clock.monotonic() - startMs;
      observe(tookMs);
      this.#ranked.resolve();
      await this.#clock.sleep(Math.max(LEAST_INTERVAL_MS, REST_FACTOR * tookMs), signal);
      await this.#changed.promise;
    }
  }

  async #refresh(signal: AbortSignal): Promise<void> {
    const now = worldNow({ watermark: this.#views.watermark, wallNow: this.#clock.now() });
    const ranking = new RankingOfAll();
    let sliceEndsMs = this.#clock.monotonic() + SLICE_MS;
    // Items that come or go meanwhile are met or not: their change has the catalogue ranked again.
    for (const item of this.#views.availableItems()) {
      const { facts } = this.#views;
      const category = facts.classOf(item)?.category;
      if (category !== undefined) {
        const state = this.#stateOf(item);
        const row = state === null ? undefined : itemFeaturesView.finish(state, now);
        ranking.add(item, { category, created: facts.createdOf(item), row });
      }
      if (this.#clock.monotonic() < sliceEndsMs) continue;
      await yieldToOthers();
      if (signal.aborted) return;
      sliceEndsMs = this.#clock.monotonic() + SLICE_MS;
    }
    this.#current = ranking.finish();
  }

  #stateOf(item: number): ItemState | null {
    const known = this.#states[item];
    if (known !== undefined) return known;
    const state = this.#views.itemState(itemIdOf(item)) ?? null;
    this.#states[item] = state;
    return state;
  }
}

type RankedItem = {
  readonly category: string;
  readonly created: number;
  readonly row:
    | { readonly popularity: number; readonly positives_24h: number; readonly positives_7d: number }
    | undefined;
};

/** One pass over the catalogue, which fills all lists. */
class RankingOfAll {
  readonly #popular = new BestItems(POPULAR_ITEMS);
  readonly #trending = new BestItems(TRENDING_ITEMS);
  readonly #newest = new BestItems(NEW_ITEMS);
  readonly #byCategory = new Map<string, BestItems>();

  add(item: number, { category, created, row }: RankedItem): void {
    const popularity = row?.popularity ?? 0;
    this.#popular.offer(item, popularity);
    this.#newest.offer(item, created);
    const rise = row === undefined ? 0 : trend(row.positives_24h, row.positives_7d);
    if (rise > 0) this.#trending.offer(item, rise);
    let ofCategory = this.#byCategory.get(category);
    if (ofCategory === undefined) {
      ofCategory = new BestItems(CATEGORY_ITEMS);
      this.#byCategory.set(category, ofCategory);
    }
    ofCategory.offer(item, popularity);
  }

  finish(): Rankings {
    return {
      popular: this.#popular.finish(),
      trending: this.#trending.finish(),
      newest: this.#newest.finish(),
      byCategory: new Map(Array.from(this.#byCategory, ([name, best]) => [name, best.finish()])),
    };
  }
}
