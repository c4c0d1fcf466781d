import type { Server } from 'node:https';
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Handler, Input, Operation } from './api/operation.ts';
import { systemClock } from './clock.ts';
import { ConfigurationError, errorCode, InputError, MillraceError, RetryableError } from './errors.ts';
import { type AccessControl, challenge, guard, localAccess, requireOwnUser } from './http-access.ts';
import { allowOrigins, SECURITY_HEADERS, setSecurityHeaders } from './http-browsers.ts';
import { boundBytes } from './http-bytes.ts';
import { EarlyRefusals } from './http-early.ts';
import { aborted, describeError, requestIdOf, sendProblem, statusOf, withoutPaths } from './http-errors.ts';
import { refuseOtherHosts } from './http-host.ts';
import { boundInFlight, closeAfter, defaultLimits, type HttpLimits, limitOptions } from './http-limits.ts';
import { RoutedMethods } from './http-methods.ts';
import { traceparentOf, traceRequests } from './http-tracing.ts';
import { requireUtf8 } from './http-utf8.ts';
import type { Logger } from './logger.ts';
import type { Histogram, Metrics } from './metrics.ts';
import type { ServedCertificate } from './tls/certificate.ts';
import type { Tracing } from './tracing/port.ts';

/** An id of 128 characters, percent-encoded as UTF-8. */
const MAX_PARAMETER_LENGTH = 128 * 4 * 3;

/** Scrapers ask every few seconds. */
const METRICS_EVERY_MS = 1_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The parameters that may follow the path; any where nothing is said, none of an operation that has none. */
    readonly query?: readonly string[];
    readonly operation?: Operation;
  }
}

/** The routes as Fastify knows them. */
export type HttpRoutes = FastifyInstance;
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
  /** Who may call what; `localAccess` where nothing is said. */
  readonly access?: AccessControl;
  /** Origins whose pages may read answers. */
  readonly origins?: readonly string[];
  /** Certificate for HTTPS; plain HTTP without one. */
  readonly certificate?: ServedCertificate | undefined;
  /** Nothing is traced where it is absent. */
  readonly tracing?: Tracing | undefined;
  /** For how long metrics are served as they were rendered; a second where nothing is said. */
  readonly metricsEveryMs?: number;
};

export type HttpServer = {
  readonly routes: HttpRoutes;
  /**
   * Where services register their routes: callers are authorised and requests validated as the operation declares, and
   * `/openapi.json` has it.
   */
  serve<const O extends Operation>(operation: O, handler: Handler<O>): void;
  /**
   * Refuses requests of a route with `error` while `isRefused` says so, before their caller is known or their body read: at a
   * fraction of what any other refusal costs. The body of the refusal is made once.
   */
  refuseEarly(operation: Operation, error: MillraceError, isRefused: () => boolean): void;
  /** A route of the product that another server has: requests are refused with `error`, and `/openapi.json` lacks it. */
  serveElsewhere(operation: Operation, error: MillraceError): void;
  /** `/health/ready` answers 503, naming `name` and the reason, as long as the check gives one. */
  addReadyCheck(name: string, check: ReadyCheck): void;
  /** What a part is doing, for `/health/ready`. */
  addState(name: string, state: () => string): void;
  /** Returns the address, with the actual port if 0 was requested. ConfigurationError MR_HTTP_PORT_IN_USE, MR_HTTP_CANT_LISTEN. */
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
    ...limitOptions(limits, options.certificate),
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    // No hook runs before these.
    frameworkErrors: (error, request, reply) =>
      void sendError(error, request, reply.headers(SECURITY_HEADERS), logger),
  });
  const methods = new RoutedMethods(routes);
  const early = new EarlyRefusals(durationsOf(metrics));
  early.guard(routes.server);
  options.certificate?.follow(routes.server as unknown as Server);
  const checks = new Map<string, ReadyCheck>();
  const states = new Map<string, () => string>();
  let closing = false;

  // Else text would be taken for a JSON value that is a string.
  routes.removeContentTypeParser('text/plain');
  traceRequests(routes, options.tracing);
  setSecurityHeaders(routes, options.certificate !== undefined);
  requireUtf8(routes);
  if (options.allowsHost !== undefined) refuseOtherHosts(routes, options.allowsHost);
  await allowOrigins(routes, options.origins ?? []);
  boundBytes(
    routes,
    limits,
    bodyLimit,
    metrics.gauge('http_body_bytes', 'Bytes of bodies of requests being worked on.'),
  );
  boundInFlight(routes, limits, (url) => url.startsWith('/health/'));
  const access = options.access ?? localAccess;
  await access.attach?.(routes);
  guard(routes, access);
  routes.addHook('onRequest', async ({ query, routeOptions }) => {
    if (routeOptions.config.query !== undefined) checkQuery(query as object, routeOptions.config.query);
  });
  answerErrors(routes, methods, logger);
  measure(routes, durationsOf(metrics));
  routes.addHook('onSend', async (request, reply) => {
    reply.header('x-request-id', request.id);
    // A connection that stays open after its last answer would hold up the closing.
    if (closing) reply.header('connection', 'close');
  });
  if (process.env.MILLRACE_HTTP_CHECKED === '1') api.checkAnswers(routes);
  const operations: Operation[] = [];
  const serve: HttpServer['serve'] = (operation, handler) => {
    operations.push(operation);
    register(routes, operation, handler, api.readRequest);
  };
  serve(api.live, () => ({ status: 'live' as const }));
  serve(api.ready, ({ reply }) => {
    if (closing) checks.set('server', () => 'is closing');
    const notReady = [...checks].flatMap(([name, check]) => {
      const reason = check();
      return reason === undefined ? [] : [{ name, reason: withoutPaths(reason) }];
    });
    const told = states.size > 0 && {
      roles: Object.fromEntries([...states].map(([name, state]) => [name, withoutPaths(state())])),
    };
    if (notReady.length === 0) return { status: 'ready' as const, ...told };
    const message = `Not ready: ${notReady.map(({ name, reason }) => `${name} ${reason}`).join('; ')}.`;
    const error = new RetryableError('MR_HTTP_NOT_READY', message, { hint: 'Ask again in a moment.' });
    return sendProblem(reply, 503, describeError(error), { not_ready: notReady, ...told });
  });
  const render = onceIn(options.metricsEveryMs ?? METRICS_EVERY_MS, () => metrics.render());
  serve(api.metrics, async ({ reply }) => reply.type(metrics.contentType).send(await render()));
  api.serveDocument(serve, operations);

  return {
    routes,
    serve,
    refuseEarly: (operation, error, isRefused) => early.add(operation, error, isRefused),
    serveElsewhere: (operation, error) => {
      const { method, path } = operation;
      const handler = () => {
        throw error;
      };
      routes.route({ method, url: path, config: { operation }, handler });
    },
    addReadyCheck: (name, check) => void checks.set(name, check),
    addState: (name, state) => void states.set(name, state),
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

type ReadRequest = (operation: Operation, request: HttpRequest) => Record<string, unknown>;

function register<O extends Operation>(
  routes: FastifyInstance,
  operation: O,
  handler: Handler<O>,
  readRequest: ReadRequest,
): void {
  const { method, path, query, answer, access } = operation;
  routes.route({
    method,
    url: path,
    exposeHeadRoute: operation.isRecorded !== true,
    config: { operation, query: Object.keys(query?.shape ?? {}) },
    handler: async (request, reply) => {
      const parts = readRequest(operation, request);
      const { caller } = request;
      requireOwnUser(access, caller, parts);
      if (answer.status !== undefined) reply.code(answer.status);
      return handler({ ...parts, request, reply, caller } as unknown as Input<O>);
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

/** Whether the client has shown a certificate of the authority that the server asks for. */
export function showsCertificate({ raw: { socket } }: HttpRequest): boolean {
  return 'authorized' in socket && socket.authorized === true;
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
      hint: known.length === 0 ? 'Omit it.' : `Use each of ${known.join(', ')} at most once.`,
    });
  }
}

function answerErrors(routes: FastifyInstance, methods: RoutedMethods, logger: Logger): void {
  const refuse = (request: HttpRequest, reply: HttpReply) => unrouted(request, reply, methods);
  routes.setErrorHandler<FastifyError>((error, request, reply) => {
    // What is wrong with a body matters only where there is a route that would read it.
    if (request.is404 && !(error instanceof MillraceError)) return refuse(request, reply);
    return sendError(error, request, reply, logger);
  });
  routes.setNotFoundHandler(refuse);
}

function unrouted(request: HttpRequest, reply: HttpReply, methods: RoutedMethods): HttpReply {
  const allowed = methods.of(request.url);
  if (allowed.length > 0) {
    const list = allowed.join(', ');
    const error = new InputError('MR_HTTP_METHOD', `The path does not support ${request.method}.`, {
      hint: `Use ${list}.`,
    });
    return sendProblem(reply.header('allow', list), statusOf(error), describeError(error));
  }
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
    // The client tries again, and the answer is counted; logged as errors, these would flood the log while a server is unavailable.
    const level = error instanceof RetryableError ? 'info' : 'error';
    const about = { requestId: request.id, traceparent: traceparentOf(request), method: request.method };
    logger[level]({ err: error, ...about }, 'a request failed');
  }
  if ((status === 503 || status === 429) && !reply.hasHeader('retry-after')) reply.header('retry-after', '1');
  const described = describeError(error);
  if (status === 401 || status === 403) {
    const { operation } = request.routeOptions.config;
    reply.header('www-authenticate', challenge(status, described.code, operation?.access));
  }
  return sendProblem(reply, status, described);
}

type Durations = Histogram<'method' | 'route' | 'status'>;

function durationsOf(metrics: Metrics): Durations {
  const labels = ['method', 'route', 'status'] as const;
  return metrics.histogram('http_request_ms', 'Time from request to answer, ms.', labels);
}

function measure(routes: FastifyInstance, durations: Durations): void {
  routes.addHook('onResponse', async (request, reply) => {
    // Labelled by the route's pattern: requested paths are unbounded.
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
