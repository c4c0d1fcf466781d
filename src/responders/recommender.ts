import { seenItems, type UserState, userFeaturesView, worldNow } from '#features';
import {
  type Clock,
  type Counter,
  errorCode,
  FatalError,
  hashUser,
  type Logger,
  type Metrics,
} from '#platform';
import type { CandidateSource, Profile } from '#schemas';
import type { OnlineViews } from './features/online-views.ts';
import type { PopularityRanking } from './popularity.ts';
import type { ScoredItem, ServedVersion } from './versions/served-version.ts';
import type { VersionsFollower } from './versions/versions-follower.ts';
import type { ViewStore } from './view-store/port.ts';
import { userRows } from './view-store/user-rows.ts';

export type RecommendedItem = {
  readonly item_id: string;
  readonly title: string;
  /** Of the index: user vector times item vector. Of the popular: decayed number of positive events. */
  readonly score: number;
  readonly source: CandidateSource;
};

/** What a user is to be shown, and the version that made it; null where none is served. */
export type Selection = { readonly version: string | null; readonly items: readonly RecommendedItem[] };

export type RecommenderParts = {
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly versions: VersionsFollower;
  readonly popularity: PopularityRanking;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/**
 * Chooses items for a user: from the index of the version in use for those who have a row, filled up with popular ones,
 * which are all that the others get: the unknown, and those who have opted out, whom the version may still know. Never an
 * item that the user has seen or that is not available.
 */
export class Recommender {
  readonly #parts: RecommenderParts;
  readonly #items: Counter<'source'>;
  readonly #degraded: Counter<'reason'>;

  constructor(parts: RecommenderParts) {
    this.#parts = parts;
    const { metrics } = parts;
    this.#items = metrics.counter('recommended_items_total', 'Items in answers, by source.', ['source']);
    const help = 'Answers made of popular items because the version failed, by code.';
    this.#degraded = metrics.counter('recommend_degraded_total', help, ['reason']);
  }

  /** `userId` as the log has it; undefined for a user who has no name there. */
  async select(userId: string | undefined, k: number): Promise<Selection> {
    // Held from the start, so that vectors, index and the version named are of one version whatever is swapped.
    const version = this.#parts.versions.acquire();
    try {
      const [rows] = userId === undefined ? [] : await userRows(this.#parts.views, [userId]);
      const seen = rows?.state === undefined ? [] : seenItems(rows.state);
      const scored =
        version === undefined || userId === undefined || rows?.state === undefined
          ? []
          : await this.#scored(version, userId, { state: rows.state, profile: rows.profile }, k);
      const items = scored.map((item) => this.#describe(item, 'index'));
      if (items.length < k) this.#fillUp(items, new Set(seen), k);
      for (const { source } of items) this.#items.inc({ source });
      return { version: version?.id ?? null, items };
    } finally {
      version?.release();
    }
  }

  async #scored(
    version: ServedVersion,
    userId: string,
    { state, profile }: { readonly state: UserState; readonly profile: Profile | null },
    k: number,
  ): Promise<readonly ScoredItem[]> {
    const { online } = this.#parts;
    const recentItems = online.read(userFeaturesView, state, this.#now()).row.recent_items;
    if (recentItems.length === 0 && !version.knows(userId)) return [];
    return this.#fromIndex(version, { userId, profile, recentItems, seenItems: seenItems(state), k });
  }

  async #fromIndex(
    version: ServedVersion,
    query: Parameters<ServedVersion['recommend']>[0],
  ): Promise<ScoredItem[]> {
    try {
      return await version.recommend(query);
    } catch (err) {
      if (!(err instanceof FatalError)) throw err;
      this.#degraded.inc({ reason: errorCode(err) ?? '' });
      const user = hashUser(query.userId);
      this.#parts.logger.error(
        { err, version: version.id, user },
        'a version failed; answering with popular items',
      );
      return [];
    }
  }

  #fillUp(items: RecommendedItem[], excluded: Set<string>, k: number): void {
    for (const { item_id } of items) excluded.add(item_id);
    for (const popular of this.#parts.popularity.top()) {
      if (items.length === k) return;
      // The ranking may be a second old.
      if (excluded.has(popular.itemId) || !this.#parts.views.isAvailable(popular.itemId)) continue;
      items.push(this.#describe(popular, 'popular'));
    }
  }

  #describe({ itemId, score }: ScoredItem, source: CandidateSource): RecommendedItem {
    return { item_id: itemId, title: this.#parts.views.item(itemId)?.title ?? '', score, source };
  }

  #now(): number {
    return worldNow({ watermark: this.#parts.views.watermark, wallNow: this.#parts.clock.now() });
  }
}
