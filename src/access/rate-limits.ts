/** How many requests a minute a caller may send. */
import {
  type Caller,
  type Counter,
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import { openQuickRedis, type QuickRedis } from '#responders';

export type RateLimitOptions = {
  readonly client: number;
  readonly user: number;
  readonly routes: Readonly<Record<string, number>>;
  /** `memory`, or the address of a Redis. */
  readonly store: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** Prefix of the keys in Redis: processes with the same one share their counts. */
  readonly namespace: string;
  readonly logger: Logger;
  readonly metrics: Metrics;
};

const WINDOW_MS = 60_000;
/** A slower Redis counts as unavailable: every request would wait for it. */
const COMMAND_WITHIN_MS = 100;
/** Callers that are counted at a time in memory; the ones longest unseen are forgotten. */
const MOST_COUNTED = 20_000;

/** Counts against one limit. */
type Count = (
  request: HttpRequest,
  key: string,
  most: number,
) => Promise<{ isExceeded: boolean; waitS: number }>;

/** Limits of clients, of users and of routes. What is not limited costs nothing. */
export class RateLimits {
  readonly #options: RateLimitOptions;
  readonly #redis: QuickRedis | undefined;
  readonly #unchecked: Counter;
  #count: Count | undefined;
  #isAway = false;

  constructor(options: RateLimitOptions) {
    this.#options = options;
    const help = 'Requests that were answered although their limits could not be checked.';
    this.#unchecked = options.metrics.counter('access_unlimited_total', help);
    if (this.#isOff || options.store === 'memory') return;
    const { store, username, password } = options;
    this.#redis = openQuickRedis({ url: store, username, password }, COMMAND_WITHIN_MS);
  }

  async attach(routes: HttpRoutes): Promise<void> {
    if (this.#isOff) return;
    const { default: rateLimit } = await import('@fastify/rate-limit');
    await routes.register(rateLimit, {
      global: false,
      cache: MOST_COUNTED,
      ...(this.#redis && {
        redis: this.#redis.client,
        nameSpace: `${this.#redis.namespace}:limits:${this.#options.namespace}:`,
      }),
    });
    const pending = new WeakMap<HttpRequest, { readonly key: string; readonly most: number }>();
    const limiter = routes.createRateLimit({
      keyGenerator: (request) => pending.get(request)?.key ?? '',
      max: (request) => pending.get(request)?.most ?? 0,
      timeWindow: WINDOW_MS,
    });
    this.#count = async (request, key, most) => {
      pending.set(request, { key, most });
      const counted = await limiter(request);
      return counted.isAllowed
        ? { isExceeded: false, waitS: 0 }
        : { isExceeded: counted.isExceeded, waitS: counted.ttlInSeconds };
    };
  }

  /**
   * Counts a request of the caller. Errors: RetryableError MR_ACCESS_RATE; MR_ACCESS_LIMITS_AWAY if the counts are unavailable and the
   * route does not answer without them.
   */
  async take(request: HttpRequest, reply: HttpReply, caller: Caller): Promise<void> {
    const { client, user, routes } = this.#options;
    const { operation } = request.routeOptions.config;
    const ofCaller = caller.onlyUser === undefined ? client : user;
    await this.#takeOne(request, reply, caller.name, ofCaller);
    if (operation === undefined) return;
    await this.#takeOne(request, reply, `${operation.id} ${caller.name}`, routes[operation.id] ?? 0);
  }

  close(): void {
    this.#redis?.client.disconnect();
  }

  get #isOff(): boolean {
    const { client, user, routes } = this.#options;
    return client === 0 && user === 0 && Object.values(routes).every((most) => most === 0);
  }

  async #takeOne(request: HttpRequest, reply: HttpReply, key: string, most: number): Promise<void> {
    if (most === 0 || this.#count === undefined) return;
    try {
      const { isExceeded, waitS } = await this.#count(request, key, most);
      this.#isAway = false;
      if (!isExceeded) return;
      reply.header('retry-after', String(Math.max(1, waitS)));
    } catch (cause) {
      this.#answerUnlimited(request, cause);
      return;
    }
    throw new RetryableError('MR_ACCESS_RATE', `More than ${most} requests within a minute.`, {
      hint: 'Retry after the time in the header retry-after.',
    });
  }

  /** What the route says of requests whose limits cannot be checked. Errors: RetryableError MR_ACCESS_LIMITS_AWAY. */
  #answerUnlimited({ routeOptions }: HttpRequest, cause: unknown): void {
    const { logger } = this.#options;
    if (!this.#isAway) logger.warn({ err: cause }, 'rate limits cannot be checked: limits.store is away');
    this.#isAway = true;
    const access = routeOptions.config.operation?.access;
    if (access === undefined || access === 'public' || !access.refuseUnlimited) {
      this.#unchecked.inc({});
      return;
    }
    throw new RetryableError(
      'MR_ACCESS_LIMITS_AWAY',
      'The rate limits of the caller cannot be checked now.',
      {
        hint: 'Retry in a moment.',
        cause,
      },
    );
  }
}
