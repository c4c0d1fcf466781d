import { randomUUID } from 'node:crypto';
import type { TopicRecord } from '#engine';
import type { Log } from '#log';
import {
  type Clock,
  type Histogram,
  type HttpServer,
  InputError,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import { Decisions, type Pseudonyms, requireUserId } from '#privacy';
import {
  contextFields,
  type FeatureViewVersion,
  type InteractionContext,
  invalidIdReason,
  readContext,
  type UserPrivacy,
} from '#schemas';
import type { OpenedView, Topics } from '#topologies';
import { AnswerLog, NO_USER } from './answer-log.ts';
import { FeatureReader } from './features/feature-reader.ts';
import { registerFeatureRoutes } from './features/feature-routes.ts';
import type { FeatureTtls, OnlineViews } from './features/online-views.ts';
import { openOnlineViews } from './features/open-features.ts';
import { PopularityRanking } from './popularity.ts';
import { type RecommendedItem, Recommender } from './recommender.ts';
import { TopicFollower } from './topic-follower.ts';
import { VersionsFollower } from './versions/versions-follower.ts';
import { InProcessViewStore } from './view-store/in-process.ts';
import type { ViewStore } from './view-store/port.ts';

const MAX_ITEMS = 100;
const DEFAULT_ITEMS = 10;

export type ResponderOptions = {
  readonly log: Log;
  readonly topics: Topics;
  /** What users are called on the log. The caller closes it. */
  readonly pseudonyms: Pseudonyms;
  /** What the directories of versions are relative to. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where the rows are taken from; by default they are read into this process. The responder closes it. */
  readonly views?: ViewStore;
  /** The views of modules; those of users have to be in `views`, where that is given. */
  readonly modules?: readonly OpenedView[];
  /** How old rows may be for single features, over what their views declare. */
  readonly featureTtlMs?: FeatureTtls;
};

export type RecommendOptions = {
  /** 1 to 100 items; 10 without it. */
  readonly k?: number;
  /** Names the answer on topic `answers`; events that it leads to carry it. Made where it is absent. */
  readonly requestId?: string;
  /** By what, where and in which language it is asked; models know the moment itself. */
  readonly context?: InteractionContext;
};

const noContext: InteractionContext = { device: null, country: null, language: null };

/**
 * An answer as it is given. Topic `answers` has the same without the titles, with the user's pseudonym, and with no user where
 * the one who asked has none.
 */
export type Recommendation = {
  readonly request_id: string;
  readonly user_id: string;
  /** When it was given, ms since the epoch. */
  readonly ts: number;
  /** The version in use; null when there is none. */
  readonly version: string | null;
  /** The version that put the items of the index in their order; null where the one in use did. */
  readonly ranker: string | null;
  /**
   * Null, or the code of what kept the user's rows from being read: the items are the popular ones, and may be among those
   * that the user has seen.
   */
  readonly degraded: string | null;
  readonly k: number;
  /** Best first, those of the index before the popular ones; fewer than k when the catalogue has no more. */
  readonly items: readonly RecommendedItem[];
  readonly latency_ms: number;
};

/** What `GET /similar/ITEM` answers. */
export type SimilarItems = {
  readonly item_id: string;
  readonly version: string;
  readonly k: number;
  /** Most alike first; fewer than k where the model knows no more, none of them unavailable. */
  readonly items: readonly { readonly item_id: string; readonly title: string; readonly score: number }[];
};

/**
 * Opens a responder, which then reads the views and loads the version in force: `ready` says when it has. Errors:
 * ConfigurationError MR_FEATURES_TTL.
 */
export async function openResponder(options: ResponderOptions): Promise<Responder> {
  const { topics, modules } = options;
  const opened: { close(): Promise<void> }[] = options.views === undefined ? [] : [options.views];
  const noted = <P extends { close(): Promise<void> }>(part: P): P => {
    opened.push(part);
    return part;
  };
  try {
    const { online, versions: viewVersions } = await openOnlineViews(options);
    noted(viewVersions);
    const answers = noted(await AnswerLog.open(options));
    const decisions = new Decisions();
    const apply = (record: TopicRecord<string, UserPrivacy>) => decisions.note(record);
    const privacy = noted(await TopicFollower.open(options, topics.privacy, apply));
    const views = options.views ?? noted(await InProcessViewStore.open(options, topics, modules));
    const versions = await VersionsFollower.open({ ...options, views });
    return new Responder(options, { views, online, viewVersions, decisions, privacy, versions, answers });
  } catch (error) {
    await Promise.all(opened.map((part) => part.close()));
    throw error;
  }
}

type Parts = {
  readonly views: ViewStore;
  readonly online: OnlineViews;
  readonly viewVersions: TopicFollower<FeatureViewVersion>;
  readonly decisions: Decisions;
  readonly privacy: TopicFollower<UserPrivacy>;
  readonly versions: VersionsFollower;
  readonly answers: AnswerLog;
};

/** Answers recommendation requests, over HTTP or called directly, and logs each answer. */
export class Responder {
  /** Reads features of those whom the log names. */
  readonly features: FeatureReader;
  readonly #clock: Clock;
  readonly #pseudonyms: Pseudonyms;
  readonly #parts: Parts;
  readonly #popularity: PopularityRanking;
  readonly #recommender: Recommender;
  readonly #latencies: Histogram;
  readonly #inFlight = new Set<Promise<Recommendation>>();
  #closed: Promise<void> | undefined;

  constructor({ clock, pseudonyms, logger, metrics }: ResponderOptions, parts: Parts) {
    const { views, online, versions } = parts;
    this.#clock = clock;
    this.#pseudonyms = pseudonyms;
    this.#parts = parts;
    this.#popularity = new PopularityRanking({ views, clock, metrics });
    const popularity = this.#popularity;
    const features = new FeatureReader({ views, online, clock });
    this.features = features;
    const found = { views, online, features, versions, popularity };
    this.#recommender = new Recommender({ ...found, clock, logger, metrics });
    this.#latencies = metrics.histogram('recommend_ms', 'Time to make an answer, ms.');
  }

  /**
   * To a user as the world outside names them; asking makes nobody known. Errors: InputError MR_RECOMMEND_K,
   * MR_RECOMMEND_REQUEST, MR_PRIVACY_USER; RetryableError MR_RESPONDER_CLOSED; those of Pseudonyms.
   */
  async recommend(userId: string, options: RecommendOptions = {}): Promise<Recommendation> {
    requireUserId(userId);
    return this.#recommend(userId, this.#pseudonyms.known(userId), options);
  }

  /** To a user as the log names them; the answer does so too. Errors: those of `recommend`. */
  async recommendTo(pseudonym: string, options: RecommendOptions = {}): Promise<Recommendation> {
    requireUserId(pseudonym);
    return this.#recommend(pseudonym, pseudonym, options);
  }

  async #recommend(
    asked: string,
    pseudonym: string | undefined,
    { k = DEFAULT_ITEMS, requestId = randomUUID(), context = noContext }: RecommendOptions,
  ): Promise<Recommendation> {
    refuseClosed(this.#closed);
    checkRequest(k, requestId);
    const answering = this.#answer(asked, pseudonym, { k, requestId, context });
    this.#inFlight.add(answering);
    try {
      return await answering;
    } finally {
      this.#inFlight.delete(answering);
    }
  }

  /**
   * The items most like another one, by the version in use. Errors: InputError MR_RECOMMEND_K, MR_SIMILAR_MODEL,
   * MR_SIMILAR_ITEM; RetryableError MR_RESPONDER_CLOSED.
   */
  similar(itemId: string, k: number = DEFAULT_ITEMS): SimilarItems {
    refuseClosed(this.#closed);
    checkCount(k);
    const { views, versions } = this.#parts;
    if (views.item(itemId) === undefined) {
      throw new InputError('MR_SIMILAR_ITEM', `The catalogue has no item ${itemId}.`, {
        hint: 'Request an item that is on topic items.',
      });
    }
    const version = versions.acquire();
    try {
      const found = version?.similar(itemId, k);
      if (version === undefined || found === undefined) throw saysNothingOfItems();
      const items = found.map(({ itemId: item_id, score }) => {
        return { item_id, title: views.item(item_id)?.title ?? '', score };
      });
      return { item_id: itemId, version: version.id, k, items };
    } finally {
      version?.release();
    }
  }

  /** Resolves when the views are read, the version in force is loaded or refused, and items are ranked. */
  async ready(): Promise<void> {
    await this.#parts.views.caughtUp;
    await this.#parts.viewVersions.caughtUp;
    await this.#parts.privacy.caughtUp;
    await this.#parts.versions.settled();
    await this.#popularity.ranked;
  }

  /** Why answers would be poorer than they should; undefined when they would not. */
  notReady(): string | undefined {
    const { views, viewVersions, privacy, versions } = this.#parts;
    const reading = views.notReady() ?? viewVersions.notReady() ?? privacy.notReady() ?? versions.notReady();
    if (reading !== undefined) return reading;
    if (versions.current !== undefined || this.#popularity.top().length > 0) return undefined;
    return 'there is neither a version nor an available item';
  }

  /** The version in use. */
  get version(): string | undefined {
    return this.#parts.versions.current;
  }

  /** The version that ranks what that one finds. */
  get ranker(): string | undefined {
    return this.#parts.versions.ranker;
  }

  /** The version that a rollback would return to, where it is loaded: the return is a swap then. */
  get warm(): string | undefined {
    return this.#parts.versions.warm;
  }

  /** `GET /recommend/:user_id?k=10&device=tv&country=DE&language=de`, `GET /similar/:item_id?k=10`, those of features, and the check `responder` of `/health/ready`. */
  registerRoutes(server: HttpServer): void {
    server.addReadyCheck('responder', () => this.notReady());
    registerFeatureRoutes(server, { reader: this.features, pseudonyms: this.#pseudonyms });
    server.routes.get<{ Params: { user_id: string }; Querystring: RecommendQuery }>(
      '/recommend/:user_id',
      { config: { query: ['k', ...contextFields] } },
      async ({ params, query: { k, ...context }, id }) =>
        this.recommend(params.user_id, { k: parseK(k), requestId: id, context: parseContext(context) }),
    );
    server.routes.get<{ Params: { item_id: string }; Querystring: { readonly k?: string } }>(
      '/similar/:item_id',
      { config: { query: ['k'] } },
      async ({ params, query: { k } }) => this.similar(params.item_id, parseK(k)),
    );
  }

  /** Finishes the answers in flight, writes those that wait to be logged, and ends the threads. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#popularity.close();
    await this.#parts.versions.close();
    await this.#parts.answers.close();
    await this.#parts.viewVersions.close();
    await this.#parts.privacy.close();
    await this.#parts.views.close();
  }

  async #answer(
    asked: string,
    named: string | undefined,
    { k, requestId, context }: Required<RecommendOptions>,
  ): Promise<Recommendation> {
    const startMs = this.#clock.monotonic();
    // One who has opted out is nobody, from the decision on and not only once the rows are gone.
    const isExcluded = named !== undefined && this.#parts.decisions.of(named) !== 'opted_in';
    const pseudonym = isExcluded ? undefined : named;
    const { version, ranker, degraded, items } = await this.#recommender.select(pseudonym, k, context);
    const latencyMs = this.#clock.monotonic() - startMs;
    this.#latencies.observe(latencyMs);
    const answer = {
      request_id: requestId,
      user_id: asked,
      ts: this.#clock.now(),
      version,
      ranker,
      degraded,
      k,
      latency_ms: latencyMs,
    };
    const logged = items.map(({ item_id, score, source }) => ({ item_id, score, source, propensity: 1 }));
    this.#parts.answers.add({ ...answer, user_id: pseudonym ?? NO_USER, items: logged });
    return { ...answer, items };
  }
}

type RecommendQuery = { readonly [name in 'k' | keyof InteractionContext]?: string };

/** Errors: InputError MR_RECOMMEND_CONTEXT. */
function parseContext(query: Omit<RecommendQuery, 'k'>): InteractionContext {
  const context = readContext(query);
  if (typeof context !== 'string') return context;
  throw new InputError('MR_RECOMMEND_CONTEXT', `${context}.`, { hint: 'Correct or omit it.' });
}

function parseK(text: string | undefined): number {
  if (text === undefined) return DEFAULT_ITEMS;
  return /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

function refuseClosed(closed: Promise<void> | undefined): void {
  if (closed === undefined) return;
  throw new RetryableError('MR_RESPONDER_CLOSED', 'The responder is closing.', { hint: 'Ask another one.' });
}

function saysNothingOfItems(): InputError {
  return new InputError(
    'MR_SIMILAR_MODEL',
    'The model of the version in use does not provide similar items.',
    { hint: 'docs/MODELS.md lists the models that do: train and promote one of them.' },
  );
}

function checkCount(k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > MAX_ITEMS) {
    throw new InputError('MR_RECOMMEND_K', `k must be a whole number from 1 to ${MAX_ITEMS}.`, {
      hint: `Omit it for ${DEFAULT_ITEMS} items.`,
    });
  }
}

function checkRequest(k: number, requestId: string): void {
  checkCount(k);
  const reason = invalidIdReason(requestId);
  if (reason !== undefined) {
    throw new InputError('MR_RECOMMEND_REQUEST', `A request id ${reason}.`, {
      hint: 'Omit it to have one generated.',
    });
  }
}
