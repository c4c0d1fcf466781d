import { setImmediate as yieldToOthers } from 'node:timers/promises';
import { type ItemState, itemFeaturesView, worldNow } from '#features';
import { rankScores } from '#models';
import { type Clock, type Metrics, RetryableError } from '#platform';
import type { ViewStore } from './view-store/port.ts';

export type PopularItem = { readonly itemId: string; readonly score: number };

/** More than an answer can exclude: 1,000 items seen, and 100 that the index has given already. */
const RANKED_ITEMS = 1_500;
const LEAST_INTERVAL_MS = 1_000;
/** A refresh may cost a twentieth of the thread's time. */
const REST_FACTOR = 20;
/** Requests wait for a slice of a refresh at most. */
const SLICE_MS = 1;

/**
 * The available items by decayed popularity, ranked again in the background when rows have changed. Items without
 * events rank last, by id, so that a new catalogue is recommended from at once.
 */
export class PopularityRanking {
  readonly #views: ViewStore;
  readonly #clock: Clock;
  /** Decoded when first needed after a change. */
  readonly #states = new Map<string, ItemState | undefined>();
  readonly #closing = new AbortController();
  readonly #unwatch: () => void;
  readonly #running: Promise<void>;
  readonly #ranked = Promise.withResolvers<void>();
  #ids: string[] | undefined;
  #changed = Promise.withResolvers<void>();
  #top: readonly PopularItem[] = [];

  constructor({ views, clock, metrics }: { views: ViewStore; clock: Clock; metrics: Metrics }) {
    this.#views = views;
    this.#clock = clock;
    this.#ranked.promise.catch(() => {});
    const duration = metrics.histogram('popularity_refresh_ms', 'Time to rank the items by popularity, ms.');
    this.#unwatch = views.watchItems((itemId, change) => {
      this.#states.delete(itemId);
      if (change === 'item') this.#ids = undefined;
      this.#changed.resolve();
    });
    this.#running = this.#run((ms) => duration.observe(ms));
  }

  /** Best first. */
  top(): readonly PopularItem[] {
    return this.#top;
  }

  /** Resolves when the items have been ranked once; rejects when their views cannot be read. */
  get ranked(): Promise<void> {
    return this.#ranked.promise;
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#unwatch();
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
    this.#ids ??= [...this.#views.availableItems()].sort();
    const ids = this.#ids;
    const now = worldNow({ watermark: this.#views.watermark, wallNow: this.#clock.now() });
    const scores = new Float64Array(ids.length);
    let sliceEndsMs = this.#clock.monotonic() + SLICE_MS;
    for (let i = 0; i < ids.length; i++) {
      scores[i] = this.#popularity(ids[i] as string, now);
      if (this.#clock.monotonic() < sliceEndsMs) continue;
      await yieldToOthers();
      if (signal.aborted) return;
      sliceEndsMs = this.#clock.monotonic() + SLICE_MS;
    }
    const ranked = rankScores(scores, RANKED_ITEMS).ids;
    this.#top = Array.from(ranked, (i) => ({ itemId: ids[i] as string, score: scores[i] as number }));
  }

  #popularity(itemId: string, now: number): number {
    let state = this.#states.get(itemId);
    if (state === undefined && !this.#states.has(itemId)) {
      state = this.#views.itemState(itemId);
      this.#states.set(itemId, state);
    }
    return state === undefined ? 0 : itemFeaturesView.finish(state, now).popularity;
  }
}
