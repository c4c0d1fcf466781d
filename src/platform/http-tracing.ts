/** A span for each request that is sampled, under the trace that the client sent, if it sent one. */
import type { FastifyInstance } from 'fastify';
import type { HttpRequest } from './http.ts';
import { parseTraceparent, type Span, type Tracing } from './tracing/port.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Null for one that is not sampled. */
    span: Span | null;
  }
}

/** Routes that are asked every few seconds, and say nothing of users. */
const isProbe = (route: string | undefined) => route?.startsWith('/health/') || route === '/metrics';

/** The answer to a sampled request names its span in `traceresponse`, so that what follows from the answer can continue it. */
export function traceRequests(routes: FastifyInstance, tracing: Tracing | undefined): void {
  routes.decorateRequest('span', null);
  if (tracing === undefined) return;
  routes.addHook('onRequest', async (request, reply) => {
    const { method, routeOptions, id } = request;
    if (isProbe(routeOptions.url)) return;
    const route = routeOptions.url ?? 'unmatched';
    const attributes = { 'http.request.method': method, 'http.route': route, 'millrace.request_id': id };
    const span = tracing.root(`${method} ${route}`, sent(request), { kind: 'server', attributes });
    if (span === undefined) return;
    request.span = span;
    reply.header('traceresponse', span.traceparent);
  });
  routes.addHook('onResponse', async ({ span }, { statusCode }) => {
    span?.set({ 'http.response.status_code': statusCode });
    span?.end(statusCode >= 500 ? `status ${statusCode}` : undefined);
  });
  routes.addHook('onRequestAbort', async ({ span }) => span?.end('the client has gone'));
}

/** The trace context for what follows from a request; undefined without one, or with one that is malformed. */
export function traceparentOf(request: HttpRequest): string | undefined {
  return request.span?.traceparent ?? sent(request);
}

function sent({ headers: { traceparent } }: HttpRequest): string | undefined {
  return typeof traceparent === 'string' && parseTraceparent(traceparent) ? traceparent : undefined;
}
