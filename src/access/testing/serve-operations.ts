import type { TestContext } from 'node:test';
import { openEmbeddedLog } from '#log';
import {
  type Clock,
  createHttpServer,
  createLogger,
  createMetrics,
  type Metrics,
  ServedCertificate,
  systemClock,
} from '#platform';
import { type Handler, type Operation, z } from '#platform/api';
import { PLATFORM_OPTIONS, readOptions } from '#platform/configuration';
import { temporaryDirectory } from '#platform/testing';
import { RESPONDERS_OPTIONS } from '#responders/options';
import { openTopic } from '#topologies';
import { type OpenedAccess, openAccess } from '../open-access.ts';
import { ACCESS_OPTIONS } from '../options.ts';

export type ServedOptions = {
  readonly operations: readonly Operation[];
  /** Configuration, by option path. */
  readonly flags?: Readonly<Record<string, string | number>>;
  readonly clock?: Clock;
  readonly ownToken?: string;
  /** The data directory of a log that others use too; one of its own by default. */
  readonly directory?: string;
};

export type Asking = {
  readonly token?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** For a server with a certificate. */
  readonly fetch?: typeof fetch;
};

export type Served = {
  readonly url: string;
  readonly access: OpenedAccess;
  readonly metrics: Metrics;
  readonly logged: readonly string[];
  /** The status and code of the answer to `METHOD /path`. */
  ask(
    route: string,
    asking?: Asking,
  ): Promise<{ status: number; code: string | undefined; headers: Headers }>;
  close(): Promise<void>;
};

const OPTIONS = { ...PLATFORM_OPTIONS, ...RESPONDERS_OPTIONS, ...ACCESS_OPTIONS };

/** The topic of API keys in a data directory. */
export async function servedKeys(t: TestContext, directory: string) {
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  return { log, topic: await openTopic('api-keys', log, log.registry), clock: systemClock };
}

/** A server whose routes answer with their examples to whom the configuration lets. It listens where `http.host` says. */
export async function serveOperations(t: TestContext, options: ServedOptions): Promise<Served> {
  const { operations, clock = systemClock, flags = {} } = options;
  const directory = options.directory ?? temporaryDirectory(t);
  const configuration = readOptions({ options: OPTIONS }, { flags, environment: {}, directory });
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const topic = await openTopic('api-keys', log, log.registry);
  const logged: string[] = [];
  const logger = {
    ...createLogger({ level: 'silent', name: 'test' }),
    warn: noting(logged),
    error: noting(logged),
  };
  const metrics = createMetrics();
  const own = options.ownToken === undefined ? {} : { ownToken: options.ownToken };
  const environment = { configuration, log, topic, namespace: directory, clock, logger, metrics };
  const access = await openAccess({ ...environment, ...own });
  const { tlsCertificate, tlsKey = '', tlsAuthority: authority } = configuration.http;
  const certificate =
    tlsCertificate === undefined
      ? undefined
      : ServedCertificate.open({ certificate: tlsCertificate, key: tlsKey, authority }, environment);
  const server = await createHttpServer({ logger, metrics, access, certificate });
  for (const each of operations) {
    // What is answered here is not what is tested.
    const answer = { ...each.answer, schema: z.unknown() };
    if (each.tag !== 'server') server.serve({ ...each, answer }, exampleOf(each));
  }
  const { port } = await server.listen({ host: configuration.http.host, port: 0 });
  const url = `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}`;
  const close = async () => {
    certificate?.close();
    await server.close();
    await access.close();
    await log.close();
  };
  t.after(close);
  return { url, access, metrics, logged, close, ask: (route, asking) => ask(url, route, asking) };
}

function exampleOf({ answer }: Operation): Handler<Operation> {
  return ({ reply }) => {
    const { mediaType = 'application/json', status = 200, example } = answer;
    return reply
      .code(status)
      .type(mediaType)
      .send(JSON.stringify(example ?? null));
  };
}

async function ask(
  url: string,
  route: string,
  { token, body, headers = {}, fetch: by = fetch }: Asking = {},
) {
  const [method = '', path = ''] = route.split(' ');
  const response = await by(url + path, {
    method,
    headers: {
      connection: 'close',
      ...(token !== undefined && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  const isProblem = response.headers.get('content-type')?.startsWith('application/problem+json');
  const code = isProblem && text !== '' ? (JSON.parse(text) as { code: string }).code : undefined;
  return { status: response.status, code, headers: response.headers };
}

function noting(logged: string[]) {
  return (_: unknown, message?: string) => void logged.push(message ?? '');
}
