import type { Operations, Problem } from './api.ts';
import { ApiError } from './error.ts';

export type ClientOptions = {
  /** Where the server is: `http://127.0.0.1:3000`. */
  readonly url: string;
  /** An API key, a JSON web token, or the value of the server's option admin.token. */
  readonly token?: string | undefined;
  /** How long a request may take, ms; 30,000 where it is not said. */
  readonly timeoutMs?: number | undefined;
  /** In place of Node's own, for servers whose certificate no authority of the system has signed. */
  readonly fetch?: typeof fetch | undefined;
  /** Sent with every request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
};

type CallOptions = {
  readonly signal?: AbortSignal | undefined;
  /** Names the request in the server's log, and the answer to it. */
  readonly requestId?: string | undefined;
};

type Method = 'GET' | 'POST' | 'PUT';

type Paths<M extends Method> = {
  [K in keyof Operations as K extends `${M} ${infer P}` ? P : never]: Operations[K];
};

/** The request may be left out where all of it may. */
type Arguments<R> = object extends R ? [request?: R & CallOptions] : [request: R & CallOptions];

type Call<M extends Method> = <P extends keyof Paths<M>>(
  path: P,
  ...request: Arguments<Paths<M>[P] extends { readonly request: infer R } ? R : never>
) => Promise<Paths<M>[P] extends { readonly answer: infer A } ? A : never>;

/**
 * Calls by method and path as the document has them. They reject with an ApiError for an answer that is an error, with the
 * signal's reason where it aborts, a TimeoutError after `timeoutMs`, and fetch's TypeError where nothing answers.
 */
export type Client = { readonly get: Call<'GET'>; readonly post: Call<'POST'>; readonly put: Call<'PUT'> };

type AnyRequest = CallOptions & {
  readonly params?: Readonly<Record<string, unknown>>;
  readonly query?: Readonly<Record<string, unknown>>;
  readonly body?: unknown;
};

const TIMEOUT_MS = 30_000;

export function createClient(options: ClientOptions): Client {
  const call = (method: Method) => (path: string, request?: AnyRequest) =>
    send(options, method, path, request ?? {});
  return { get: call('GET'), post: call('POST'), put: call('PUT') } as Client;
}

async function send(
  { url, token, timeoutMs = TIMEOUT_MS, headers: always = {}, fetch: by = fetch }: ClientOptions,
  method: Method,
  path: string,
  { params = {}, query = {}, body, signal, requestId }: AnyRequest,
): Promise<unknown> {
  const headers = {
    ...always,
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...(requestId !== undefined && { 'x-request-id': requestId }),
    ...(body !== undefined && { 'content-type': 'application/json' }),
  };
  const late = AbortSignal.timeout(timeoutMs);
  const response = await by(url.replace(/\/$/, '') + pathOf(path, params) + queryOf(query), {
    method,
    headers,
    signal: signal === undefined ? late : AbortSignal.any([signal, late]),
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isJson = /json/.test(response.headers.get('content-type') ?? '');
  if (response.ok) return isJson ? JSON.parse(text) : text;
  throw new ApiError(response.status, response.statusText, isJson ? problemIn(text) : undefined);
}

function pathOf(path: string, params: Readonly<Record<string, unknown>>): string {
  return path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])));
}

function queryOf(query: Readonly<Record<string, unknown>>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return text === '' ? '' : `?${text}`;
}

/** Undefined for JSON that is no problem of this server. */
function problemIn(text: string): Problem | undefined {
  try {
    const body = JSON.parse(text) as Partial<Problem> | null;
    return typeof body?.code === 'string' && typeof body.message === 'string' ? (body as Problem) : undefined;
  } catch {
    return undefined;
  }
}
