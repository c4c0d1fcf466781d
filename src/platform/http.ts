import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Handler, Input, Operation } from './api/operation.ts';
import { systemClock } from './clock.ts';
import { ConfigurationError, errorCode, InputError, MillraceError, RetryableError } from './errors.ts';
import { aborted, describeError, requestIdOf, sendProblem, statusOf } from './http-errors.ts';
import { refuseOtherHosts } from './http-host.ts';
import { boundInFlight, closeAfter, defaultLimits, type HttpLimits, limitOptions } from './http-limits.ts';
import { requireUtf8 } from './http-utf8.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

/** An id of 128 characters, percent-encoded as UTF-8. */
const MAX_PARAMETER_LENGTH = 128 * 4 * 3;

/** Scrapers ask every few seconds. */
const METRICS_EVERY_MS = 1_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The parameters that may follow the path. A route that names none reads none, and any may be given. */
    readonly query?: readonly string[];
    readonly operation?: Operation;
  }
}

export type HttpRequest = FastifyRequest;
export type HttpReply = FastifyReply;

/** Why a part cannot serve yet; undefined when it can. */
export type ReadyCheck = () => string | undefined;

export type HttpServerOptions = {
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Largest request body, bytes. */
  readonly bodyLimit?: number;
  /** What one client may take; see http-limits.ts for what holds where nothing is said. */
  readonly limits?: Partial<HttpLimits>;
  /** Whether a request may be for this host, the header's without its port; any may where nothing is said. */
  readonly allowsHost?: (host: string) => boolean;
  /** For how long metrics are served as they were rendered; a second where nothing is said. */
  readonly metricsEveryMs?: number;
};

export type Admit = (request: HttpRequest) => Promise<void>;

export type HttpServer = {
  /** The routes as Fastify knows them. */
  readonly routes: FastifyInstance;
  /**
   * Where services register their routes: requests are validated as the operation declares, and `/openapi.json` has it.
   * `admit` may refuse a request before its body is read.
   */
  serve<const O extends Operation>(operation: O, handler: Handler<O>, admit?: Admit): void;
  /** `/health/ready` answers 503, naming `name` and the reason, as long as the check gives one. */
  addReadyCheck(name: string, check: ReadyCheck): void;
  /** Returns the address, its real port where 0 was asked for. ConfigurationError MR_HTTP_PORT_IN_USE, MR_HTTP_CANT_LISTEN. */
  listen(at: { readonly host: string; readonly port: number }): Promise<{ url: string; port: number }>;
  /**
   * Takes no more requests, finishes those in flight, and closes the connections that are kept alive; after some seconds
   * all that are left.
   */
  close(): Promise<void>;
};

/**
 * An HTTP server with what every service wants alike: errors as problem details with code, message and hint, a request id, a duration
 * histogram, `/health/live`, `/health/ready` and `/metrics`.
 */
export async function createHttpServer(options: HttpServerOptions): Promise<HttpServer> {
  const { logger, metrics, bodyLimit = 1024 * 1024 } = options;
  const limits = { ...defaultLimits, ...options.limits };
  // Loaded when needed: commands and worker threads, which all come through this room, start 50 ms sooner.
  const [{ default: Fastify }, api] = await Promise.all([import('fastify'), import('./api/served.ts')]);
  const routes = Fastify({
    logger: false,
    bodyLimit,
    routerOptions: { maxParamLength: MAX_PARAMETER_LENGTH },
    ...limitOptions(limits),
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    frameworkErrors: (error, request, reply) => void sendError(error, request, reply, logger),
  });
  const checks = new Map<string, ReadyCheck>();
  let closing = false;

  // Else text would be taken for a JSON value that is a string.
  routes.removeContentTypeParser('text/plain');
  requireUtf8(routes);
  if (options.allowsHost !== undefined) refuseOtherHosts(routes, options.allowsHost);
  boundInFlight(routes, limits, (url) => url.startsWith('/health/'));
  routes.addHook('onRequest', async ({ query, routeOptions }) => {
    if (routeOptions.config.query !== undefined) checkQuery(query as object, routeOptions.config.query);
  });
  answerErrors(routes, logger);
  measure(routes, metrics);
  routes.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // A connection that stays open after its last answer would hold up the closing.
    if (closing) reply.header('connection', 'close');
  });
  if (process.env.MILLRACE_HTTP_CHECKED === '1') api.checkAnswers(routes);
  const operations: Operation[] = [];
  const serve: HttpServer['serve'] = (operation, handler, admit) => {
    operations.push(operation);
    register(routes, operation, handler, { readRequest: api.readRequest, admit });
  };
  serve(api.live, () => ({ status: 'live' as const }));
  serve(api.ready, ({ reply }) => {
    if (closing) checks.set('server', () => 'is closing');
    const notReady = [...checks].flatMap(([name, check]) => {
      const reason = check();
      return reason === undefined ? [] : [{ name, reason }];
    });
    if (notReady.length === 0) return { status: 'ready' as const };
    const message = `Not ready: ${notReady.map(({ name, reason }) => `${name} ${reason}`).join('; ')}.`;
    const error = new RetryableError('MR_HTTP_NOT_READY', message, { hint: 'Ask again in a moment.' });
    return sendProblem(reply, 503, describeError(error), { not_ready: notReady });
  });
  const render = onceIn(options.metricsEveryMs ?? METRICS_EVERY_MS, () => metrics.render());
  serve(api.metrics, async ({ reply }) => reply.type(metrics.contentType).send(await render()));
  api.serveDocument(serve, operations);

  return {
    routes,
    serve,
    addReadyCheck: (name, check) => void checks.set(name, check),
    listen: async ({ host, port }) => {
      try {
        const url = await routes.listen({ host, port });
        const address = routes.server.address();
        return { url, port: typeof address === 'object' ? (address?.port ?? port) : port };
      } catch (error) {
        throw listenError(error, host, port);
      }
    },
    close: async () => {
      closing = true;
      const closed = closeAfter(routes, limits.closingMs);
      await routes.close().finally(closed);
    },
  };
}

type Registration = {
  readonly readRequest: (operation: Operation, request: HttpRequest) => Record<string, unknown>;
  readonly admit: Admit | undefined;
};

function register<O extends Operation>(
  routes: FastifyInstance,
  operation: O,
  handler: Handler<O>,
  { readRequest, admit }: Registration,
): void {
  const { method, path, query, answer } = operation;
  routes.route({
    method,
    url: path,
    config: { operation, ...(query && { query: Object.keys(query.shape) }) },
    ...(admit && { onRequest: admit }),
    handler: async (request, reply) => {
      const input = { ...readRequest(operation, request), request, reply } as Input<O>;
      if (answer.status !== undefined) reply.code(answer.status);
      return handler(input);
    },
  });
}

/** The text of a rendering that has begun at most `ms` ago. One that fails is not kept. */
function onceIn(ms: number, render: () => Promise<string>): () => Promise<string> {
  let last: { readonly at: number; readonly text: Promise<string> } | undefined;
  return () => {
    const now = systemClock.monotonic();
    if (last !== undefined && now - last.at < ms) return last.text;
    const begun = { at: now, text: render() };
    last = begun;
    begun.text.catch(() => {
      if (last === begun) last = undefined;
    });
    return begun.text;
  };
}

/** The W3C trace context that came with the request; undefined without one, or with one that is malformed. */
export function traceparentOf(request: HttpRequest): string | undefined {
  const header = request.headers.traceparent;
  if (typeof header !== 'string' || !/^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/.test(header)) {
    return undefined;
  }
  return header;
}

/** A parameter that is written wrongly must not count as left out. */
function checkQuery(given: object, known: readonly string[]): void {
  for (const [name, value] of Object.entries(given)) {
    const shown = JSON.stringify(name);
    const isKnown = known.includes(name);
    if (isKnown && typeof value === 'string') continue;
    const problem = isKnown
      ? `Parameter ${shown} is given more than once.`
      : `There is no parameter ${shown}.`;
    throw new InputError('MR_HTTP_QUERY', problem, {
      hint: `Use each of ${known.join(', ')} at most once.`,
    });
  }
}

function answerErrors(routes: FastifyInstance, logger: Logger): void {
  routes.setErrorHandler<FastifyError>((error, request, reply) => {
    // What is wrong with a body matters only where there is a route that would read it.
    if (request.is404 && !(error instanceof MillraceError)) return notFound(request, reply);
    return sendError(error, request, reply, logger);
  });
  routes.setNotFoundHandler(notFound);
}

function notFound(request: HttpRequest, reply: HttpReply): HttpReply {
  const error = new InputError('MR_HTTP_NOT_FOUND', `There is no ${request.method} ${request.url}.`, {
    hint: 'Compare method and path with the documentation.',
  });
  return sendProblem(reply, 404, describeError(error));
}

function sendError(error: unknown, request: HttpRequest, reply: HttpReply, logger: Logger): HttpReply {
  if (request.raw.readableAborted && errorCode(error) === 'ECONNRESET') {
    const { status, ...body } = aborted;
    return sendProblem(reply, status, body);
  }
  const status = statusOf(error);
  if (status >= 500) {
    // The client tries again, and the answer is counted; logged as errors, these would flood the log while a server is away.
    const level = error instanceof RetryableError ? 'info' : 'error';
    logger[level]({ err: error, requestId: request.id, method: request.method }, 'a request failed');
  }
  if (status === 503 || status === 429) reply.header('retry-after', '1');
  return sendProblem(reply, status, describeError(error));
}

function measure(routes: FastifyInstance, metrics: Metrics): void {
  const labels = ['method', 'route', 'status'] as const;
  const durations = metrics.histogram('http_request_ms', 'Time from request to answer, ms.', labels);
  routes.addHook('onResponse', async (request, reply) => {
    // By the pattern of the route: paths as asked for are without bound.
    const route = request.routeOptions.url ?? 'unmatched';
    durations.observe({ method: request.method, route, status: String(reply.statusCode) }, reply.elapsedTime);
  });
}

function listenError(cause: unknown, host: string, port: number): MillraceError {
  if (errorCode(cause) === 'EADDRINUSE') {
    return new ConfigurationError('MR_HTTP_PORT_IN_USE', `Port ${port} of ${host} is in use.`, {
      hint: 'Stop the program that listens there, or choose another with option http.port (MILLRACE_HTTP_PORT).',
      cause,
    });
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ConfigurationError('MR_HTTP_CANT_LISTEN', `Cannot listen on ${host}:${port}: ${reason}.`, {
    hint: 'Choose an address of this machine, and a port that this user may open.',
    cause,
  });
}
