/**
 * Refusals before a request is routed and its body read. Under overload most requests are refused, so what one refusal
 * costs decides how much time is left for answers: through Fastify's hooks it is several times as much.
 */
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import type { Operation } from './api/operation.ts';
import type { MillraceError } from './errors.ts';
import { describeError, PROBLEM_TYPE, problemOf, requestIdOf, statusOf } from './http-errors.ts';
import type { Histogram } from './metrics.ts';

/** The route of an operation, as far as a URL shows it without being parsed. */
type Route = Pick<Operation, 'method' | 'path'>;

type Guard = {
  readonly method: string;
  readonly isOf: (url: string) => boolean;
  readonly isRefused: () => boolean;
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string;
  readonly labels: { readonly method: string; readonly route: string; readonly status: string };
};

export class EarlyRefusals {
  readonly #guards: Guard[] = [];
  readonly #durations: Histogram<'method' | 'route' | 'status'>;

  /** `durations`: where refused requests count as well. */
  constructor(durations: Histogram<'method' | 'route' | 'status'>) {
    this.#durations = durations;
  }

  /** Requests of this route get `error` while `isRefused` says so. */
  add({ method, path }: Route, error: MillraceError, isRefused: () => boolean): void {
    const status = statusOf(error);
    const body = JSON.stringify(problemOf(status, describeError(error)));
    const length = String(Buffer.byteLength(body));
    const headers = ['content-type', PROBLEM_TYPE, 'content-length', length, 'retry-after', '1'];
    const labels = { method, route: path, status: String(status) };
    this.#guards.push({ method, isOf: urlsOf(path), isRefused, status, headers, body, labels });
  }

  /** Stands before what handles the server's requests now. */
  guard(server: Server): void {
    const handlers = server.listeners('request') as RequestListener[];
    server.removeAllListeners('request');
    server.on('request', (request, response) => {
      if (this.#refuse(request, response)) return;
      for (const handle of handlers) handle(request, response);
    });
  }

  #refuse({ method, url = '', headers }: IncomingMessage, response: ServerResponse): boolean {
    for (const guard of this.#guards) {
      if (guard.method !== method || !guard.isOf(url) || !guard.isRefused()) continue;
      const id = requestIdOf(headers['x-request-id']);
      response.writeHead(guard.status, [...guard.headers, 'x-request-id', id]);
      response.end(guard.body);
      this.#durations.observe(guard.labels, 0);
      return true;
    }
    return false;
  }
}

/** Whether a URL is of a path as operations write it: by what is before its first parameter. */
function urlsOf(path: string): (url: string) => boolean {
  const parameter = path.indexOf(':');
  if (parameter < 0) return (url) => url === path || url.startsWith(`${path}?`);
  const prefix = path.slice(0, parameter);
  return (url) => url.startsWith(prefix);
}
