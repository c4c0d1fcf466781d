import { contextFeatures, seenItems, type UserState, userFeaturesView, worldNow } from '#features';
import {
  type Clock,
  ConfigurationError,
  type Counter,
  FatalError,
  hashUser,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import type { CandidateSource, InteractionContext, Profile } from '#schemas';
import type { FeatureReader } from './features/feature-reader.ts';
import type { OnlineViews } from './features/online-views.ts';
import type { PopularityRanking } from './popularity.ts';
import type { ScoredItem } from './versions/indexed-items.ts';
import type { ServedRanker } from './versions/served-ranker.ts';
import type { ServedVersion, VersionQuery } from './versions/served-version.ts';
import type { VersionsFollower } from './versions/versions-follower.ts';
import type { ViewStore } from './view-store/port.ts';
import { type UserRows, userRows } from './view-store/user-rows.ts';

export type RecommendedItem = {
  readonly item_id: string;
  readonly title: string;
  /**
   * From the index: user vector times item vector, or the ranker's score if there is one. For popular items: decayed
   * number of positive events.
   */
  readonly score: number;
  readonly source: CandidateSource;
};

/** What a user is to be shown, the version that found it, and the one that ranked it; null where none did. */
export type Selection = {
  readonly version: string | null;
  readonly ranker: string | null;
  /** The code of what kept the user's rows from being read; null where they were. */
  readonly degraded: string | null;
  readonly items: readonly RecommendedItem[];
};

/** Given items in an order, and those that have no place in it. */
export type Ranking = Omit<Selection, 'items'> & {
  /** Best first. */
  readonly items: readonly { readonly item_id: string; readonly score: number }[];
  readonly unranked: readonly { readonly item_id: string; readonly reason: UnrankedReason }[];
};

/** Not in the catalogue; not available; scored by nothing that is in force, for this user. */
type UnrankedReason = 'unknown' | 'unavailable' | 'unscored';

/** What is known of the one who asks, and what the request says. */
type Asking = {
  readonly state: UserState;
  readonly profile: Profile | null;
  readonly context: InteractionContext;
};

type Query = Omit<VersionQuery, 'k'>;

/** One whom neither the log nor a model knows. */
const nobody = { userId: '', profile: null, recentItems: [], seenItems: [] };

/** Items that are found for one that is shown, where they are ranked again; and the most. */
const FOUND_FOR_ONE = 10;
const MOST_RANKED = 200;

export type RecommenderParts = {
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly features: FeatureReader;
  readonly versions: VersionsFollower;
  readonly popularity: PopularityRanking;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

/**
 * Chooses items for a user: from the index of the version in use for those who have a row, filled up with popular ones,
 * which are all that the others get: the unknown, and those who have opted out, whom the version may still know. Never an
 * item that the user has seen or that is not available. Where a ranker is in force, the index finds more items than are
 * asked for, and the ranker chooses among them; where it fails, the index does. While the rows of users can't be read,
 * everyone is answered as an unknown user, and `degraded` says why: items that they have seen may be among the answer.
 */
export class Recommender {
  readonly #parts: RecommenderParts;
  readonly #items: Counter<'source'>;
  readonly #degraded: Counter<'reason'>;

  constructor(parts: RecommenderParts) {
    this.#parts = parts;
    const { metrics } = parts;
    this.#items = metrics.counter('recommended_items_total', 'Items in answers, by source.', ['source']);
    const help = "Degraded answers, made without the version, the ranker or the user's rows, by error code.";
    this.#degraded = metrics.counter('recommend_degraded_total', help, ['reason']);
  }

  /** `userId` as the log has it; undefined for a user who has no name there. `context` is what the request says of itself. */
  async select(userId: string | undefined, k: number, context: InteractionContext): Promise<Selection> {
    // Held from the start, so that vectors, index and the version named are of one version whatever is swapped.
    const version = this.#parts.versions.acquire();
    const ranker = this.#parts.versions.acquireRanker();
    try {
      const { rows, degraded } = await this.#rowsOf(userId);
      const seen = rows?.state === undefined ? [] : seenItems(rows.state);
      const query =
        userId === undefined || rows?.state === undefined
          ? undefined
          : this.#query(userId, { state: rows.state, profile: rows.profile, context }, seen);
      const found = ranker === undefined ? k : Math.max(k, Math.min(k * FOUND_FOR_ONE, MOST_RANKED));
      const scored =
        version === undefined || query === undefined ? [] : await this.#scored(version, query, found);
      const ranked = query && (await this.#ranked(ranker, query, scored));
      const items = (ranked ?? scored).slice(0, k).map((item) => this.#describe(item, 'index'));
      if (items.length < k) this.#fillUp(items, new Set(seen), k);
      for (const { source } of items) this.#items.inc({ source });
      return {
        version: degraded === null ? (version?.id ?? null) : null,
        ranker: ranked && ranker ? ranker.id : null,
        degraded,
        items,
      };
    } finally {
      version?.release();
      ranker?.release();
    }
  }

  /** For a session of nobody in particular that has met these items, newest first; the index alone chooses. */
  async selectFor(
    recentItems: readonly string[],
    k: number,
    context: InteractionContext,
  ): Promise<Selection> {
    const version = this.#parts.versions.acquire();
    try {
      const moment = contextFeatures({ ts: this.#now(), context }, recentItems.length);
      const query = { ...nobody, context: moment, recentItems, seenItems: recentItems };
      const scored = version === undefined ? [] : await this.#scored(version, query, k);
      const items = scored.map((item) => this.#describe(item, 'index'));
      if (items.length < k) this.#fillUp(items, new Set(recentItems), k);
      for (const { source } of items) this.#items.inc({ source });
      return { version: version?.id ?? null, ranker: null, degraded: null, items };
    } finally {
      version?.release();
    }
  }

  /** Orders items for a user: by the ranker in force, else by the scores of the version in use. */
  async rank(
    userId: string | undefined,
    itemIds: readonly string[],
    context: InteractionContext,
  ): Promise<Ranking> {
    const version = this.#parts.versions.acquire();
    const ranker = this.#parts.versions.acquireRanker();
    try {
      const { rows, degraded } = await this.#rowsOf(userId);
      const query =
        userId === undefined || rows?.state === undefined
          ? { ...nobody, context: contextFeatures({ ts: this.#now(), context }, 0) }
          : this.#query(userId, { state: rows.state, profile: rows.profile, context }, []);
      const { views } = this.#parts;
      const reasons = new Map<string, UnrankedReason | undefined>();
      for (const id of itemIds) {
        reasons.set(
          id,
          views.item(id) === undefined ? 'unknown' : views.isAvailable(id) ? undefined : 'unavailable',
        );
      }
      const rankable = [...reasons].flatMap(([itemId, reason]) =>
        reason === undefined ? [{ itemId, score: 0 }] : [],
      );
      const ranked = await this.#ranked(ranker, query, rankable);
      const ordered =
        ranked ??
        (await this.#ordered(
          version,
          query,
          rankable.map(({ itemId }) => itemId),
        ));
      for (const { itemId } of rankable) reasons.set(itemId, 'unscored');
      for (const { itemId } of ordered) reasons.delete(itemId);
      return {
        version: version?.id ?? null,
        ranker: ranked && ranker ? ranker.id : null,
        degraded,
        items: ordered.map(({ itemId, score }) => ({ item_id: itemId, score })),
        unranked: [...reasons].map(([item_id, reason = 'unscored']) => ({ item_id, reason })),
      };
    } finally {
      version?.release();
      ranker?.release();
    }
  }

  /** Rows that lie elsewhere may be out of reach for a while: that is logged by who keeps them, once. */
  async #rowsOf(
    userId: string | undefined,
  ): Promise<{ readonly rows: UserRows | undefined; readonly degraded: string | null }> {
    if (userId === undefined) return { rows: undefined, degraded: null };
    try {
      const [rows] = await userRows(this.#parts.views, [userId]);
      return { rows, degraded: null };
    } catch (error) {
      if (!isAway(error)) throw error;
      this.#degraded.inc({ reason: error.code });
      return { rows: undefined, degraded: error.code };
    }
  }

  /** Who asks, as of now. */
  #query(userId: string, { state, profile, context }: Asking, seen: readonly string[]): Query {
    const now = this.#now();
    const { row } = this.#parts.online.read(userFeaturesView, state, now);
    const moment = contextFeatures({ ts: now, context }, row.session_position);
    return { userId, profile, context: moment, recentItems: row.recent_items, seenItems: seen };
  }

  /** Undefined where nothing is ranked, the ranker fails, or the rows that it reads are out of reach. */
  async #ranked(
    ranker: ServedRanker | undefined,
    { userId, recentItems, profile, context }: Query,
    scored: readonly ScoredItem[],
  ): Promise<readonly ScoredItem[] | undefined> {
    if (ranker === undefined || scored.length === 0) return undefined;
    try {
      const asking = { user: userId, recentItems, profile, context };
      return await ranker.rank(this.#parts.features, asking, scored);
    } catch (err) {
      if (isAway(err)) {
        this.#degraded.inc({ reason: err.code });
        return undefined;
      }
      if (!(err instanceof FatalError)) throw err;
      this.#noteFailure(err, { version: ranker.id }, 'a ranker failed; answering in the order of the index');
      return undefined;
    }
  }

  /** None for a user of whom the version knows nothing. */
  #scored(version: ServedVersion, query: Query, k: number): Promise<readonly ScoredItem[]> {
    return this.#unlessItFails(version, query, () => version.recommend({ ...query, k }));
  }

  /** These items by the scores of a version, best first, without those that it does not score. */
  async #ordered(
    version: ServedVersion | undefined,
    query: Query,
    items: readonly string[],
  ): Promise<readonly ScoredItem[]> {
    if (version === undefined) return [];
    const scored = await this.#unlessItFails(version, query, () => version.score(query, items));
    return scored.toSorted((a, b) => b.score - a.score);
  }

  async #unlessItFails(
    version: ServedVersion,
    query: Query,
    ask: () => Promise<readonly ScoredItem[]>,
  ): Promise<readonly ScoredItem[]> {
    if (query.recentItems.length === 0 && !version.knows(query.userId)) return [];
    try {
      return await ask();
    } catch (err) {
      if (!(err instanceof FatalError)) throw err;
      const about = { version: version.id, user: hashUser(query.userId) };
      this.#noteFailure(err, about, 'a version failed; answering with what is left');
      return [];
    }
  }

  #noteFailure(err: FatalError, about: object, message: string): void {
    this.#degraded.inc({ reason: err.code });
    // The version reports a dead thread once.
    if (err.code !== 'MR_INFERENCE_ENDED') this.#parts.logger.error({ err, ...about }, message);
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

/** Concerns rows outside of this process: their server is unavailable, refuses, or does not hold all of them yet. */
function isAway(error: unknown): error is RetryableError | ConfigurationError {
  return error instanceof RetryableError || error instanceof ConfigurationError;
}
