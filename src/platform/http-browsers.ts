/** What browsers are told: which pages may read answers, and what they may do with them. */
import type { FastifyInstance } from 'fastify';

/**
 * Answers are data: no browser runs, frames or guesses at them, and no page of another origin includes them. A route that
 * serves a page sets its own policy.
 */
export const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** How long a browser may keep what it was told about an origin, s. */
const PREFLIGHT_S = 600;

/** How long browsers that have seen HTTPS at a name use nothing else there, s: a year. */
const STRICT_S = 31_536_000;

export function setSecurityHeaders(routes: FastifyInstance, isHttps: boolean): void {
  routes.addHook('onRequest', async (_request, reply) => {
    reply.headers(SECURITY_HEADERS);
    if (isHttps) reply.header('strict-transport-security', `max-age=${STRICT_S}`);
  });
}

/** Lets pages of these origins call every route (CORS), with a token in a header: there are no cookies. */
export async function allowOrigins(routes: FastifyInstance, origins: readonly string[]): Promise<void> {
  if (origins.length === 0) return;
  const { default: cors } = await import('@fastify/cors');
  await routes.register(cors, {
    origin: origins.map((origin) => new URL(origin).origin),
    methods: ['GET', 'POST', 'PUT'],
    allowedHeaders: ['authorization', 'content-type', 'x-request-id', 'traceparent'],
    exposedHeaders: ['x-request-id', 'retry-after', 'www-authenticate'],
    credentials: false,
    maxAge: PREFLIGHT_S,
  });
}
