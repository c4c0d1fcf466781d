import { randomUUID } from 'node:crypto';
import type { TopicRecord } from '#engine';
import type { Log } from '#log';
import {
  type Clock,
  describeError,
  type ErrorBody,
  type Histogram,
  type HttpServer,
  InputError,
  type Logger,
  type Metrics,
  MillraceError,
  RetryableError,
  statusOf,
} from '#platform';
import type { Input } from '#platform/api';
import { Decisions, type Pseudonyms, requireUserId } from '#privacy';
import {
  type FeatureViewVersion,
  type InteractionContext,
  invalidIdReason,
  type UserPrivacy,
} from '#schemas';
import type { OpenedView, Topics } from '#topologies';
import { AnswerLog, NO_USER } from './answer-log.ts';
import { FeatureReader } from './features/feature-reader.ts';
import { registerFeatureRoutes } from './features/feature-routes.ts';
import type { FeatureTtls, OnlineViews } from './features/online-views.ts';
import { openOnlineViews } from './features/open-features.ts';
import { rank, recommend, recommendMany, similar } from './operations.ts';
import { PopularityRanking } from './popularity.ts';
import { type Ranking, type RecommendedItem, Recommender } from './recommender.ts';
import { countRefused, DEFAULT_ITEMS, MAX_ITEMS, requestIdRefused } from './refusals.ts';
import { TopicFollower } from './topic-follower.ts';
import { VersionsFollower } from './versions/versions-follower.ts';
import { InProcessViewStore } from './view-store/in-process.ts';
import type { ViewStore } from './view-store/port.ts';

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

type BatchRequest = Input<typeof recommendMany>['body']['requests'][number];

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

/** An answer to nobody in particular: of a session, by what it has met. */
export type SessionRecommendation = Omit<Recommendation, 'user_id'> & { readonly user_id: null };

/** One answer of many, or why it could not be made. */
type BatchAnswer =
  | { readonly answer: Recommendation | SessionRecommendation }
  | { readonly error: ErrorBody & { readonly status: number } };

/** Items as `POST /rank` orders them, and those that it could not. */
export type RankedItems = Omit<Recommendation, 'k' | 'items'> & Ranking;

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
  readonly #inFlight = new Set<Promise<unknown>>();
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
    return this.#counted(() => this.#answer(asked, pseudonym, { k, requestId, context }));
  }

  /** Closing waits for it. */
  async #counted<T>(answer: () => Promise<T>): Promise<T> {
    const answering = answer();
    this.#inFlight.add(answering);
    try {
      return await answering;
    } finally {
      this.#inFlight.delete(answering);
    }
  }

  async #timed<T>(
    answer: () => Promise<T>,
  ): Promise<T & { readonly ts: number; readonly latency_ms: number }> {
    const startMs = this.#clock.monotonic();
    const answered = await answer();
    const latency_ms = this.#clock.monotonic() - startMs;
    this.#latencies.observe(latency_ms);
    return { ...answered, ts: this.#clock.now(), latency_ms };
  }

  /** One after another would wait for as many threads' answers; each fails by itself. */
  async #recommendMany(
    requests: readonly BatchRequest[],
  ): Promise<{ readonly answers: readonly BatchAnswer[] }> {
    const answers = requests.map(async ({ user_id, recent_items = [], request_id, ...rest }) => {
      const options = {
        k: rest.k,
        ...(request_id && { requestId: request_id }),
        context: rest.context ?? noContext,
      };
      try {
        const answer = await (user_id === undefined
          ? this.recommendToSession(recent_items, options)
          : this.recommend(user_id, options));
        return { answer };
      } catch (error) {
        if (!(error instanceof MillraceError)) throw error;
        return { error: { status: statusOf(error), ...describeError(error) } };
      }
    });
    return { answers: await Promise.all(answers) };
  }

  /**
   * To an anonymous session that has met these items, newest first: by the version in use, without a user's rows. Errors:
   * InputError MR_RECOMMEND_K, MR_RECOMMEND_REQUEST; RetryableError MR_RESPONDER_CLOSED.
   */
  async recommendToSession(
    recentItems: readonly string[],
    { k = DEFAULT_ITEMS, requestId = randomUUID(), context = noContext }: RecommendOptions = {},
  ): Promise<SessionRecommendation> {
    refuseClosed(this.#closed);
    checkRequest(k, requestId);
    return this.#counted(async () => {
      const selected = await this.#timed(() => this.#recommender.selectFor(recentItems, k, context));
      const answer = { request_id: requestId, ...selected, k };
      this.#log(answer, NO_USER);
      return { ...answer, user_id: null };
    });
  }

  /**
   * Orders items for a user as the world outside names them. Errors: InputError MR_PRIVACY_USER; RetryableError
   * MR_RESPONDER_CLOSED; those of Pseudonyms.
   */
  async rank(
    userId: string,
    items: readonly string[],
    { requestId = randomUUID(), context = noContext }: Omit<RecommendOptions, 'k'> = {},
  ): Promise<RankedItems> {
    requireUserId(userId);
    refuseClosed(this.#closed);
    const pseudonym = this.#served(this.#pseudonyms.known(userId));
    const ranked = this.#timed(() => this.#recommender.rank(pseudonym, items, context));
    return this.#counted(async () => ({ request_id: requestId, user_id: userId, ...(await ranked) }));
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
    server.serve(recommend, ({ params, query: { k, ...context }, request: { id } }) =>
      this.recommend(params.user_id, { k, requestId: id, context }),
    );
    server.serve(recommendMany, ({ body }) => this.#recommendMany(body.requests));
    server.serve(rank, ({ body: { user_id, items, context = noContext }, request: { id } }) =>
      this.rank(user_id, items, { requestId: id, context }),
    );
    server.serve(similar, ({ params, query: { k } }) => this.similar(params.item_id, k));
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
    pseudonym: string | undefined,
    { k, requestId, context }: Required<RecommendOptions>,
  ): Promise<Recommendation> {
    const user = this.#served(pseudonym);
    const selected = await this.#timed(() => this.#recommender.select(user, k, context));
    const answer = { request_id: requestId, user_id: asked, ...selected, k };
    this.#log(answer, user ?? NO_USER);
    return answer;
  }

  /** One who has opted out is nobody, from the decision on and not only once the rows are gone. */
  #served(pseudonym: string | undefined): string | undefined {
    const isExcluded = pseudonym !== undefined && this.#parts.decisions.of(pseudonym) !== 'opted_in';
    return isExcluded ? undefined : pseudonym;
  }

  #log(answer: Omit<Recommendation, 'user_id'>, user: string): void {
    const items = answer.items.map(({ item_id, score, source }) => ({
      item_id,
      score,
      source,
      propensity: 1,
    }));
    this.#parts.answers.add({ ...answer, user_id: user, items });
  }
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
  if (!Number.isInteger(k) || k < 1 || k > MAX_ITEMS) throw countRefused();
}

function checkRequest(k: number, requestId: string): void {
  checkCount(k);
  const reason = invalidIdReason(requestId);
  if (reason !== undefined) throw requestIdRefused(reason);
}
