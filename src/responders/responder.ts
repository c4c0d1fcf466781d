import { randomUUID } from 'node:crypto';
import type { Log } from '#engine/log';
import {
  type Clock,
  type Histogram,
  type HttpServer,
  InputError,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import type { Topics } from '#topologies';
import { AnswerLog } from './answer-log.ts';
import { PopularityRanking } from './popularity.ts';
import { type RecommendedItem, Recommender } from './recommender.ts';
import { VersionsFollower } from './versions/versions-follower.ts';
import { InProcessViewStore } from './view-store/in-process.ts';
import type { ViewStore } from './view-store/port.ts';

export const MAX_ITEMS = 100;
const DEFAULT_ITEMS = 10;
const MAX_ID_LENGTH = 128;

export type ResponderOptions = {
  readonly log: Log;
  readonly topics: Topics;
  /** What the directories of versions are relative to. */
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where the rows are taken from; by default they are read into this process. The responder closes it. */
  readonly views?: ViewStore;
};

export type RecommendOptions = {
  /** 1 to 100 items; 10 without it. */
  readonly k?: number;
  /** Names the answer on topic `answers`; events that it leads to carry it. Made where it is absent. */
  readonly requestId?: string;
};

/** An answer as it is given; topic `answers` has the same without the titles. */
export type Recommendation = {
  readonly request_id: string;
  readonly user_id: string;
  /** When it was given, ms since the epoch. */
  readonly ts: number;
  /** The version in use; null when there is none. */
  readonly version: string | null;
  readonly k: number;
  /** Best first, those of the index before the popular ones; fewer than k when the catalogue has no more. */
  readonly items: readonly RecommendedItem[];
  readonly latency_ms: number;
};

/** Opens a responder, which then reads the views and loads the version in force: `ready` says when it has. */
export async function openResponder(options: ResponderOptions): Promise<Responder> {
  const answers = await AnswerLog.open(options);
  const views = options.views ?? (await InProcessViewStore.open(options, options.topics));
  try {
    const versions = await VersionsFollower.open({ ...options, views });
    return new Responder(options, { views, versions, answers });
  } catch (error) {
    await views.close();
    throw error;
  }
}

type Parts = {
  readonly views: ViewStore;
  readonly versions: VersionsFollower;
  readonly answers: AnswerLog;
};

/** Answers recommendation requests, over HTTP or called directly, and logs each answer. */
export class Responder {
  readonly #clock: Clock;
  readonly #parts: Parts;
  readonly #popularity: PopularityRanking;
  readonly #recommender: Recommender;
  readonly #latencies: Histogram;
  readonly #inFlight = new Set<Promise<Recommendation>>();
  #closed: Promise<void> | undefined;

  constructor({ clock, logger, metrics }: ResponderOptions, parts: Parts) {
    const { views, versions } = parts;
    this.#clock = clock;
    this.#parts = parts;
    this.#popularity = new PopularityRanking({ views, clock, metrics });
    const popularity = this.#popularity;
    this.#recommender = new Recommender({ views, versions, popularity, clock, logger, metrics });
    this.#latencies = metrics.histogram('recommend_ms', 'Time to make an answer, ms.');
  }

  /**
   * Errors: InputError MR_RECOMMEND_K, MR_RECOMMEND_USER, MR_RECOMMEND_REQUEST; RetryableError MR_RESPONDER_CLOSED.
   */
  async recommend(
    userId: string,
    { k = DEFAULT_ITEMS, requestId }: RecommendOptions = {},
  ): Promise<Recommendation> {
    if (this.#closed !== undefined) {
      throw new RetryableError('MR_RESPONDER_CLOSED', 'The responder is closing.', {
        hint: 'Ask another one.',
      });
    }
    checkRequest(userId, k, requestId);
    const answering = this.#answer(userId, k, requestId ?? randomUUID());
    this.#inFlight.add(answering);
    try {
      return await answering;
    } finally {
      this.#inFlight.delete(answering);
    }
  }

  /** Resolves when the views are read, the version in force is loaded or refused, and items are ranked. */
  async ready(): Promise<void> {
    await this.#parts.views.caughtUp;
    await this.#parts.versions.settled();
    await this.#popularity.ranked;
  }

  /** Why answers would be poorer than they should; undefined when they would not. */
  notReady(): string | undefined {
    const { views, versions } = this.#parts;
    const reading = views.notReady() ?? versions.notReady();
    if (reading !== undefined) return reading;
    if (versions.current !== undefined || this.#popularity.top().length > 0) return undefined;
    return 'there is neither a version nor an available item';
  }

  /** The version in use. */
  get version(): string | undefined {
    return this.#parts.versions.current;
  }

  /** `GET /recommend/:user_id?k=10`, and the check `responder` of `/health/ready`. */
  registerRoutes(server: HttpServer): void {
    server.addReadyCheck('responder', () => this.notReady());
    server.routes.get<{ Params: { user_id: string }; Querystring: { k?: unknown } }>(
      '/recommend/:user_id',
      async ({ params, query, id }) => this.recommend(params.user_id, { k: parseK(query.k), requestId: id }),
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
    await this.#parts.views.close();
  }

  async #answer(userId: string, k: number, requestId: string): Promise<Recommendation> {
    const startMs = this.#clock.monotonic();
    const { version, items } = await this.#recommender.select(userId, k);
    const latencyMs = this.#clock.monotonic() - startMs;
    this.#latencies.observe(latencyMs);
    const answer = {
      request_id: requestId,
      user_id: userId,
      ts: this.#clock.now(),
      version,
      k,
      latency_ms: latencyMs,
    };
    const logged = items.map(({ item_id, score, source }) => ({ item_id, score, source }));
    this.#parts.answers.add({ ...answer, items: logged });
    return { ...answer, items };
  }
}

function parseK(text: unknown): number {
  if (text === undefined) return DEFAULT_ITEMS;
  return typeof text === 'string' && /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
}

function checkRequest(userId: string, k: number, requestId: string | undefined): void {
  if (!Number.isInteger(k) || k < 1 || k > MAX_ITEMS) {
    throw new InputError('MR_RECOMMEND_K', `k must be a whole number from 1 to ${MAX_ITEMS}.`, {
      hint: `Ask for ${DEFAULT_ITEMS} items by leaving it out.`,
    });
  }
  const isId = (id: string) => id.length > 0 && id.length <= MAX_ID_LENGTH && id.isWellFormed();
  if (!isId(userId)) {
    throw new InputError('MR_RECOMMEND_USER', `A user id has 1 to ${MAX_ID_LENGTH} characters.`, {
      hint: 'Ask with the user_id that events carry.',
    });
  }
  if (requestId !== undefined && !isId(requestId)) {
    throw new InputError('MR_RECOMMEND_REQUEST', `A request id has 1 to ${MAX_ID_LENGTH} characters.`, {
      hint: 'Leave it out to have one made.',
    });
  }
}
