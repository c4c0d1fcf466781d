import { randomUUIDv7 } from 'node:crypto';
import type { TopicRecord } from '#engine';
import type { Log } from '#log';
import {
  type Clock,
  Deadline,
  describeError,
  type Histogram,
  type HttpServer,
  hashUser,
  type Logger,
  type Metrics,
  MillraceError,
  RetryableError,
  statusOf,
  type Tracing,
} from '#platform';
import { Decisions, type Pseudonyms, requireUserId } from '#privacy';
import { type FeatureViewVersion, invalidIdReason, type UserPrivacy } from '#schemas';
import type { SharedFiles } from '#storage';
import type { OpenedView, Topics } from '#topologies';
import { answerEvent } from './answer-event.ts';
import { AnswerLog, NO_USER } from './answer-log.ts';
import { CatalogueRankings } from './candidates/catalogue-rankings.ts';
import { SegmentRankings } from './candidates/segment-rankings.ts';
import { Explainer, type ExplainOptions, type Explanation } from './explain/explainer.ts';
import { registerExplainRoute } from './explain/route.ts';
import { FeatureReader } from './features/feature-reader.ts';
import { registerFeatureRoutes } from './features/feature-routes.ts';
import type { FeatureTtls, OnlineViews } from './features/online-views.ts';
import { openOnlineViews } from './features/open-features.ts';
import { type RecommendingOptions, recommendingDefaults } from './options.ts';
import type {
  BatchAnswer,
  RankedItems,
  Recommendation,
  SessionRecommendation,
  SimilarItems,
} from './recommendation.ts';
import { Recommender } from './recommender.ts';
import { countRefused, DEFAULT_ITEMS, MAX_ITEMS, requestIdRefused } from './refusals.ts';
import { type AnswerRequest, noDetails, type Recipient, type RequestDetails } from './request.ts';
import { registerAnswerRoutes } from './responder-routes.ts';
import { Serving } from './serving/serving.ts';
import { similarItems } from './similar-items.ts';
import { type FollowerEnvironment, TopicFollower } from './topic-follower.ts';
import { TracedChanges } from './traced-changes.ts';
import type { VersionComparison } from './versions/comparisons.ts';
import type { RefusedVersion } from './versions/in-force.ts';
import { VersionsFollower } from './versions/versions-follower.ts';
import { InProcessViewStore } from './view-store/in-process.ts';
import type { ViewStore } from './view-store/port.ts';
import { SwitchedViewStore } from './view-store/switched.ts';

export type ResponderOptions = {
  readonly log: Log;
  readonly topics: Topics;
  /** What users are called on the log. The caller closes it. */
  readonly pseudonyms: Pseudonyms;
  /** What the directories of versions are relative to. */
  readonly dataDirectory: string;
  /** Where they are brought from when they are not there. */
  readonly files?: SharedFiles | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Nothing is traced where it is absent. */
  readonly tracing?: Tracing | undefined;
  /** Where the rows are taken from; by default they are read into this process. The responder closes it. */
  readonly views?: ViewStore;
  /** The views of modules; those of users have to be in `views`, where that is given. */
  readonly modules?: readonly OpenedView[];
  /** How old rows may be for single features, over what their views declare. */
  readonly featureTtlMs?: FeatureTtls;
  /** How items are chosen and ordered, where it differs from the defaults. */
  readonly recommending?: Partial<RecommendingOptions>;
};

/** Other topics of the same views, whose rows are to take the place of those that are read. */
export type OtherRows = Pick<ResponderOptions, 'topics' | 'modules'> & {
  /** Opens them where they are not read into this process. */
  readonly openViews?: () => Promise<ViewStore>;
};

/** What is left out of the details is not said. */
export type RecommendOptions = Partial<RequestDetails> & {
  /** Time for the answer, ms; that of option recommend.deadlineMs without it. */
  readonly deadlineMs?: number;
  /** 1 to 100 items; 10 without it. */
  readonly k?: number;
  /** Names the answer on topic `answers`; events that it leads to carry it. Made where it is absent. */
  readonly requestId?: string;
  /** The W3C trace context of the request; a header of the answer's record. */
  readonly traceparent?: string | undefined;
};

/** Set for requests of a batch, which are admitted together: their common deadline. */
type Admitted = { readonly admitted?: Deadline };

/** One request of a batch. */
export type BatchRequest = RecommendOptions & {
  readonly recipient: { readonly userId: string } | { readonly recentItems: readonly string[] };
};

/** A batch gets one request's time for each this many requests. */
const TOGETHER = 10;

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
    let versions: VersionsFollower | undefined;
    const apply = (record: TopicRecord<string, UserPrivacy>) => {
      decisions.note(record);
      // Whoever has opted out, or is being erased, is not replayed either.
      versions?.forget(record.key);
    };
    const privacy = noted(await TopicFollower.open(options, topics.privacy, apply));
    const changes = options.tracing && new TracedChanges(options.clock);
    const following = { ...options, changes };
    const views = new SwitchedViewStore(
      options.views ?? noted(await InProcessViewStore.open(following, topics, modules)),
    );
    const segments = noted(await SegmentRankings.open(options, topics));
    const features = new FeatureReader({ views, online, clock: options.clock });
    versions = await VersionsFollower.open({
      ...options,
      views,
      features,
      objectives: options.recommending?.objectives,
      shadow: options.recommending?.shadow ?? 0,
    });
    return new Responder(options, {
      segments,
      views,
      online,
      features,
      viewVersions,
      decisions,
      privacy,
      versions,
      answers,
      changes,
    });
  } catch (error) {
    await Promise.all(opened.map((part) => part.close()));
    throw error;
  }
}

type Parts = {
  readonly segments: SegmentRankings;
  readonly views: SwitchedViewStore;
  readonly online: OnlineViews;
  readonly features: FeatureReader;
  readonly viewVersions: TopicFollower<FeatureViewVersion>;
  readonly decisions: Decisions;
  readonly privacy: TopicFollower<UserPrivacy>;
  readonly versions: VersionsFollower;
  readonly answers: AnswerLog;
  readonly changes: TracedChanges | undefined;
};

/** Answers recommendation requests, over HTTP or called directly, and logs each answer. */
export class Responder {
  /** Reads features of those whom the log names. */
  readonly features: FeatureReader;
  readonly #clock: Clock;
  readonly #pseudonyms: Pseudonyms;
  readonly #parts: Parts;
  readonly #rankings: CatalogueRankings;
  readonly #environment: FollowerEnvironment;
  readonly #options: RecommendingOptions;
  readonly #serving: Serving;
  readonly #explainer: Explainer;
  readonly #latencies: Histogram;
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #tracing: Tracing | undefined;
  #closed: Promise<void> | undefined;

  constructor(responderOptions: ResponderOptions, parts: Parts) {
    const { clock, pseudonyms, logger, metrics, recommending, modules = [] } = responderOptions;
    const { views, online, features, versions, segments } = parts;
    this.#clock = clock;
    this.#tracing = responderOptions.tracing;
    this.#pseudonyms = pseudonyms;
    this.#parts = parts;
    this.#environment = { ...responderOptions, changes: parts.changes };
    const rankings = new CatalogueRankings({ views, clock, metrics });
    this.#rankings = rankings;
    this.features = features;
    const options = { ...recommendingDefaults(), ...recommending };
    this.#options = options;
    const found = { views, online, features, versions, rankings, segments };
    const recommender = new Recommender({ ...found, options, clock, logger, metrics });
    this.#serving = new Serving({ recommender, views, versions, options, clock, metrics });
    const explained = { ...parts, features, modules: modules.map(({ view }) => view) };
    this.#explainer = new Explainer({ ...responderOptions, ...explained });
    this.#latencies = metrics.histogram('recommend_ms', 'Time to make an answer, ms.');
  }

  /**
   * To a user as the world outside names them; asking makes nobody known. Errors: InputError MR_RECOMMEND_K,
   * MR_RECOMMEND_REQUEST, MR_PRIVACY_USER; RetryableError MR_RESPONDER_CLOSED; those of Pseudonyms.
   */
  async recommend(userId: string, options: RecommendOptions & Admitted = {}): Promise<Recommendation> {
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
    options: RecommendOptions & Admitted,
  ): Promise<Recommendation> {
    const request = this.#request({ userId: this.#served(pseudonym) }, options);
    return this.#counted(async () => ({ ...(await this.#answer(request)), user_id: asked }));
  }

  /** Errors: RetryableError MR_RESPONDER_CLOSED; InputError MR_RECOMMEND_K, MR_RECOMMEND_REQUEST. */
  #request(
    recipient: Recipient,
    {
      k = DEFAULT_ITEMS,
      requestId = randomUUIDv7(),
      traceparent,
      deadlineMs = this.#options.deadlineMs,
      admitted,
      ...said
    }: RecommendOptions & Admitted,
  ): AnswerRequest {
    refuseClosed(this.#closed);
    checkRequest(k, requestId);
    const deadline = admitted ?? Deadline.after(this.#clock, deadlineMs);
    const isAdmitted = admitted !== undefined;
    const details = { ...noDetails, ...said };
    return { requestId, recipient, k, details, traceparent, deadline, budgetMs: deadlineMs, isAdmitted };
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

  /**
   * Many answers, in the order of their requests; each fails by itself. They are admitted together, with a tenth of the time
   * of one for each of them where that is more. Errors: RetryableError MR_RECOMMEND_OVERLOADED, MR_RESPONDER_CLOSED.
   */
  async recommendMany(
    requests: readonly BatchRequest[],
    { deadlineMs = this.#options.deadlineMs }: Pick<RecommendOptions, 'deadlineMs'> = {},
  ): Promise<readonly BatchAnswer[]> {
    refuseClosed(this.#closed);
    const ofAll = { deadlineMs: deadlineMs * Math.max(1, requests.length / TOGETHER) };
    const deadline = Deadline.after(this.#clock, ofAll.deadlineMs);
    const answers = requests.map(({ recipient, ...asked }) => async (): Promise<BatchAnswer> => {
      const options = { ...ofAll, ...asked, admitted: deadline };
      const answer = await ('userId' in recipient
        ? this.recommend(recipient.userId, options)
        : this.recommendToSession(recipient.recentItems, options));
      return { answer };
    });
    const settled = await this.#serving.inBatch({ deadline }, answers);
    return settled.map((each) => (each.status === 'fulfilled' ? each.value : failedAnswer(each.reason)));
  }

  /**
   * To an anonymous session that has met these items, newest first: by the version in use, without a user's rows. Errors:
   * InputError MR_RECOMMEND_K, MR_RECOMMEND_REQUEST; RetryableError MR_RESPONDER_CLOSED.
   */
  async recommendToSession(
    recentItems: readonly string[],
    options: RecommendOptions & Admitted = {},
  ): Promise<SessionRecommendation> {
    const request = this.#request({ recentItems }, options);
    return this.#counted(async () => ({ ...(await this.#answer(request)), user_id: null }));
  }

  /**
   * Orders items for a user as the world outside names them. Errors: InputError MR_PRIVACY_USER; RetryableError
   * MR_RESPONDER_CLOSED; those of Pseudonyms.
   */
  async rank(
    userId: string,
    items: readonly string[],
    { requestId = randomUUIDv7(), ...said }: Omit<RecommendOptions, 'k'> = {},
  ): Promise<RankedItems> {
    requireUserId(userId);
    const recipient = { userId: this.#served(this.#pseudonyms.known(userId)) };
    const request = this.#request(recipient, { requestId, ...said });
    return this.#counted(async () => {
      const ranked = await this.#timed(() => this.#serving.rank(request, items));
      return { request_id: requestId, user_id: userId, ...ranked };
    });
  }

  /**
   * The items most like another one, by the version that knows which items go with one another, or else the one in use. Errors: InputError MR_RECOMMEND_K, MR_SIMILAR_MODEL,
   * MR_SIMILAR_ITEM; RetryableError MR_RESPONDER_CLOSED.
   */
  similar(itemId: string, k: number = DEFAULT_ITEMS): SimilarItems {
    refuseClosed(this.#closed);
    checkCount(k);
    return similarItems(this.#parts, itemId, k);
  }

  /**
   * Why an item is in an answer, or is not, and what its score was made of. Errors: InputError MR_EXPLAIN_NOT_FOUND;
   * RetryableError MR_EXPLAIN_BUSY, MR_RESPONDER_CLOSED; those of Pseudonyms.
   */
  async explain(requestId: string, itemId: string, options: ExplainOptions = {}): Promise<Explanation> {
    refuseClosed(this.#closed);
    return this.#counted(() => this.#explainer.explain(requestId, itemId, options));
  }

  /** Resolves when the views are read, the version in force is loaded or refused, and items are ranked. */
  async ready(): Promise<void> {
    await this.#parts.views.caughtUp;
    await this.#parts.viewVersions.caughtUp;
    await this.#parts.privacy.caughtUp;
    await this.#parts.segments.caughtUp;
    await this.#parts.versions.settled();
    await this.#rankings.ranked;
  }

  /**
   * Reads the rows of other topics, and answers from them all at once when they are all there: until then from those before,
   * to which nothing happens where this rejects. An answer that is being made meanwhile may have rows of both. Calls come
   * one after another.
   */
  async readFrom({ topics, modules, openViews }: OtherRows): Promise<void> {
    const { views, segments } = this.#parts;
    const others = await SegmentRankings.open(this.#environment, topics);
    try {
      await others.caughtUp;
      const open = openViews ?? (() => InProcessViewStore.open(this.#environment, topics, modules));
      await views.exchange(await open(), () => segments.exchange(others));
    } finally {
      await others.close();
    }
  }

  /** Why answers would be poorer than they should; undefined when they would not. */
  notReady(): string | undefined {
    const { views, viewVersions, privacy, segments, versions } = this.#parts;
    const reading = [views, viewVersions, privacy, segments, versions]
      .map((part) => part.notReady())
      .find(Boolean);
    if (reading !== undefined) return reading;
    if (versions.current !== undefined || this.#rankings.current.popular.length > 0) return undefined;
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

  /** Versions that were promoted after the ones in use, and cannot be loaded. */
  get refused(): readonly RefusedVersion[] {
    return this.#parts.versions.refused;
  }

  /** The features that the ranker is given, `view.feature`, in the order of its columns. */
  get rankerFeatures(): readonly string[] {
    return this.#parts.versions.rankerFeatures;
  }

  /** The version that a rollback would return to, where it is loaded: the return is a swap then. */
  get warm(): string | undefined {
    return this.#parts.versions.warm;
  }

  /** How the versions that were put in use last, and those that are staged, agree with the ones in use. */
  get comparisons(): readonly VersionComparison[] {
    return this.#parts.versions.comparisons;
  }

  /** The routes of answers and of features, and the check `responder` of `/health/ready`. */
  registerRoutes(server: HttpServer): void {
    server.addReadyCheck('responder', () => this.notReady());
    registerFeatureRoutes(server, { reader: this.features, pseudonyms: this.#pseudonyms });
    registerExplainRoute(server, this);
    registerAnswerRoutes(server, this, {
      deadlineMs: this.#options.deadlineMs,
      isRefused: () => this.#serving.refusesEarly(this.#options.deadlineMs),
    });
  }

  /** Finishes the answers in flight, writes those that wait to be logged, and ends the threads. */
  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await Promise.allSettled(this.#inFlight);
    await this.#explainer.close();
    this.#serving.close();
    await this.#rankings.close();
    await this.#parts.versions.close();
    await this.#parts.answers.close();
    await this.#parts.viewVersions.close();
    await this.#parts.segments.close();
    await this.#parts.privacy.close();
    await this.#parts.views.close();
  }

  /** Makes the answer, and logs it. */
  async #answer(request: AnswerRequest): Promise<Omit<Recommendation, 'user_id'>> {
    const { requestId, recipient, k } = request;
    const served = await this.#timed(() => this.#serving.select(request));
    const { shown, candidates, dropped, judged, cached, ...selected } = served;
    const answer = { request_id: requestId, ...selected, k };
    const user = 'userId' in recipient ? (recipient.userId ?? NO_USER) : NO_USER;
    const answered = { ...answer, shown, candidates, dropped, judged, cached };
    this.#parts.answers.add(answerEvent(request, user, answered, this.#options), request.traceparent);
    if (!cached) this.#traceChange(user, served, request);
    return answer;
  }

  /** The trace of the event that the answer is the first to show gets it as its last part. */
  #traceChange(
    user: string,
    { version, ts, latency_ms }: Pick<Recommendation, 'version' | 'ts' | 'latency_ms'>,
    { requestId, traceparent }: AnswerRequest,
  ): void {
    const cause = this.#parts.changes?.take(user);
    const attributes = {
      'millrace.request_id': requestId,
      'millrace.user': hashUser(user),
      ...(version !== null && { 'millrace.version': version }),
    };
    const start = { kind: 'internal', attributes, startMs: ts - latency_ms, link: traceparent } as const;
    this.#tracing?.child('answer', cause, start)?.end();
  }

  /** One who has opted out is nobody, from the decision on and not only once the rows are gone. */
  #served(pseudonym: string | undefined): string | undefined {
    const isExcluded = pseudonym !== undefined && this.#parts.decisions.of(pseudonym) !== 'opted_in';
    return isExcluded ? undefined : pseudonym;
  }
}

function refuseClosed(closed: Promise<void> | undefined): void {
  if (closed === undefined) return;
  throw new RetryableError('MR_RESPONDER_CLOSED', 'The responder is closing.', { hint: 'Ask another one.' });
}

function checkCount(k: number): void {
  if (!Number.isInteger(k) || k < 1 || k > MAX_ITEMS) throw countRefused();
}

function checkRequest(k: number, requestId: string): void {
  checkCount(k);
  const reason = invalidIdReason(requestId);
  if (reason !== undefined) throw requestIdRefused(reason);
}

function failedAnswer(error: unknown): BatchAnswer {
  if (!(error instanceof MillraceError)) throw error;
  return { error: { status: statusOf(error), ...describeError(error) } };
}
