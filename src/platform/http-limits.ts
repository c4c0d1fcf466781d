/** What one client may take of the server's time and memory, and what is said to one whose bytes are no request. */

import type { Server } from 'node:http';
import type { Duplex } from 'node:stream';
import type { FastifyHttpOptions, FastifyInstance } from 'fastify';
import { errorCode, RetryableError } from './errors.ts';
import { type ErrorBody, PROBLEM_TYPE, problemOf } from './http-errors.ts';
import type { ServedCertificate } from './tls/certificate.ts';

export type HttpLimits = {
  /** Until the headers of a request are there, ms. */
  readonly headersMs: number;
  /** Until a whole request is there, ms. */
  readonly requestMs: number;
  /** Without a byte in either direction, ms: longer than any route takes to answer. */
  readonly silenceMs: number;
  /** Between two looks at the connections, ms. */
  readonly checkMs: number;
  /** For the requests in flight when the server closes, ms; what is open then is destroyed. */
  readonly closingMs: number;
  /** Connections that are open at a time; more are closed at once. */
  readonly connections: number;
  /** Requests of one connection that are worked on at a time. */
  readonly pipelined: number;
  /** Concurrent requests over all connections; health checks come on top. */
  readonly inFlight: number;
  /** Total size of the request bodies in progress; one client may take half of it. */
  readonly bodyBytes: number;
};

export const defaultLimits: HttpLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  silenceMs: 60_000,
  checkMs: 1_000,
  closingMs: 3_000,
  connections: 4_096,
  pipelined: 32,
  inFlight: 1_000,
  bodyBytes: 32_000_000,
};

export function limitOptions(
  limits: HttpLimits,
  certificate?: ServedCertificate,
): FastifyHttpOptions<Server> {
  const times = { headersTimeout: limits.headersMs, connectionsCheckingInterval: limits.checkMs };
  return {
    ...(certificate === undefined
      ? { http: times }
      : { https: { ...times, ...securely(limits, certificate) } }),
    requestTimeout: limits.requestMs,
    connectionTimeout: limits.silenceMs,
    forceCloseConnections: 'idle',
    clientErrorHandler: refuseBytes,
  };
}

/** Clients need no certificate: routes that only processes on the same log may call ask for one. */
function securely({ headersMs }: HttpLimits, { context, asksClients }: ServedCertificate) {
  return { ...context, handshakeTimeout: headersMs, requestCert: asksClients, rejectUnauthorized: false };
}

/**
 * Node reads a whole chunk's pipelined requests at once: one connection can have a thousand in its 64 KiB. Those beyond the
 * limit are refused, which closes the connection.
 */
export function boundInFlight(
  routes: FastifyInstance,
  { connections, pipelined, inFlight }: HttpLimits,
  isExempt: (url: string) => boolean,
): void {
  routes.server.maxConnections = connections;
  const ofConnection = new WeakMap<object, number>();
  let all = 0;
  routes.addHook('onRequest', async ({ raw }, reply) => {
    const { socket } = raw;
    const before = ofConnection.get(socket) ?? 0;
    ofConnection.set(socket, before + 1);
    reply.raw.once('close', () => ofConnection.set(socket, (ofConnection.get(socket) ?? 1) - 1));
    if (before < pipelined) return;
    reply.header('connection', 'close');
    throw new RetryableError('MR_HTTP_PIPELINED', `More than ${pipelined} requests of one connection wait.`, {
      hint: 'Read answers before sending more, or spread the requests over several connections.',
    });
  });
  // After the body is there: whoever sends slowly holds nobody else up.
  routes.addHook('preHandler', async ({ routeOptions }, reply) => {
    if (isExempt(routeOptions.url ?? '')) return;
    if (all >= inFlight) {
      throw new RetryableError('MR_HTTP_BUSY', `${inFlight} requests are being worked on.`, {
        hint: 'Retry after the time in the header retry-after.',
      });
    }
    all++;
    reply.raw.once('close', () => all--);
  });
}

/** Destroys what is still open after the time for closing; the function that is returned calls that off. */
export function closeAfter({ server }: FastifyInstance, closingMs: number): () => void {
  const timer = setTimeout(() => server.closeAllConnections(), closingMs);
  return () => clearTimeout(timer);
}

const malformed = {
  status: '400 Bad Request',
  code: 'MR_HTTP_MALFORMED',
  message: 'The bytes received are not an HTTP request.',
  hint: 'Send HTTP/1.1: with TLS where the server has a certificate, else without.',
};

const refusals: Readonly<Record<string, { readonly status: string } & ErrorBody>> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: '408 Request Timeout',
    code: 'MR_HTTP_REQUEST_TIMEOUT',
    message: 'The request did not arrive in time.',
    hint: 'Send it faster, or send less at once.',
  },
  HPE_HEADER_OVERFLOW: {
    status: '431 Request Header Fields Too Large',
    code: 'MR_HTTP_HEADERS_TOO_LARGE',
    message: 'The headers of the request, including its URL, are too large.',
    hint: 'Send at most 16 KiB.',
  },
};

/** The answer to what Node's parser refuses: there is no request yet that Fastify could answer. */
function refuseBytes(error: Error, socket: Duplex): void {
  if (socket.destroyed || errorCode(error) === 'ECONNRESET') return;
  const { status, ...described } = refusals[errorCode(error) ?? ''] ?? malformed;
  if (socket.writable) {
    const body = JSON.stringify(problemOf(Number.parseInt(status, 10), described));
    const headers = `content-type: ${PROBLEM_TYPE}\r\ncontent-length: ${Buffer.byteLength(body)}`;
    socket.write(`HTTP/1.1 ${status}\r\n${headers}\r\nconnection: close\r\n\r\n${body}`);
  }
  socket.destroy(error);
}
