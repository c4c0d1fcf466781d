/** The HTTP server of a process: what its roles serve, on one port. */

import type { Topology } from '#engine';
import {
  type AccessControl,
  allowedHosts,
  createHttpServer,
  createLogger,
  createMetrics,
  type HttpServer,
  InputError,
  type Logger,
  type Metrics,
  renderTogether,
  type Shutdown,
} from '#platform';
import type { Operation } from '#platform/api';
import type { Pseudonyms } from '#privacy';
import type { Processing } from '#processing';
import { serverAccess } from './access.ts';
import type { Configuration } from './configuration.ts';
import type { Installation, LogInstallation } from './installation.ts';
import { knowUsers, ROLES } from './roles/catalogue.ts';
import type { StartPhase } from './roles/compose.ts';
import { processorsRole } from './roles/processors.ts';
import { ROLE_NAMES, type RoleName, type RolePart } from './roles/role.ts';

/** Fails early, and not after a minute's work: ConfigurationError MR_HTTP_PORT_IN_USE, MR_HTTP_CANT_LISTEN. */
export async function checkPort({ http, logging }: Configuration): Promise<void> {
  const logger = createLogger({ level: logging.level, name: 'port' });
  const probe = await createHttpServer({ logger, metrics: createMetrics() });
  await probe.listen(http);
  await probe.close();
}

/**
 * Where the server can be asked by other processes; undefined where its port is not known beforehand, and where it listens
 * on all addresses, of which none is named.
 */
export function advertisedAddress({ http }: Pick<Configuration, 'http'>): string | undefined {
  const { host, port, advertised } = http;
  if (advertised !== undefined || port === 0) return advertised;
  if (host === '0.0.0.0' || host === '::') return undefined;
  const scheme = http.tlsCertificate === undefined ? 'http' : 'https';
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

type Served = {
  readonly parts: readonly RolePart[];
  /** How this process's code differs from that of the processors on the log, where others have these. */
  readonly code?: (() => string | undefined) | undefined;
  /** How far the start is that this server belongs to. */
  readonly phase: () => StartPhase;
  /** Secret that identifies this process's own programs to the server. */
  readonly ownToken: string;
};

/**
 * Serves the roles until `shutdown`, and refuses what belongs to others; returns the address. Errors: those of openAccess,
 * and as checkPort.
 */
export async function serve(
  installation: Installation,
  { parts, code, phase, ownToken }: Served,
  shutdown: Shutdown,
): Promise<string> {
  const { configuration, metrics, logger } = installation;
  metrics.observeProcess();
  const access = await serverAccess(installation, shutdown, ownToken);
  const server = await openServer(installation, parts, access);
  const names = parts.map(({ role }) => role);
  const isAsked = names.some((name) => ROLES[name].operations.length > 0);
  for (const part of parts) {
    await part.register(server);
    server.addState(part.role, () => part.state());
    // Who asks this process does not wait for what it does besides.
    const hasRoutes = ROLES[part.role].operations.length > 0;
    if (hasRoutes || !isAsked) server.addReadyCheck(`role ${part.role}`, () => part.waitsFor?.());
  }
  for (const role of ROLE_NAMES.filter((name) => !names.includes(name))) {
    for (const each of ROLES[role].operations) server.serveElsewhere(each, elsewhere(each, role, names));
  }
  server.addReadyCheck('start', () => notUp(phase()));
  if (code !== undefined) server.addState('code', () => code() ?? 'is that of the processors');
  if (knowUsers(names)) checkVault(server, await installation.pseudonyms(), { logger, shutdown });
  return listen(server, configuration, shutdown);
}

function elsewhere({ method, path }: Operation, role: RoleName, own: readonly RoleName[]): InputError {
  const what = `${method} ${path} belongs to role ${role}, which this process does not have (it has ${own.join(', ')}).`;
  return new InputError('MR_ROLE_ELSEWHERE', what, {
    hint: `Ask a process that runs with --roles ${role}.`,
  });
}

const NOT_UP: Readonly<Record<Exclude<StartPhase, 'up'>, string>> = {
  'making world': 'serves popular items while it writes its simulated world',
  training: 'serves popular items while it trains its first version',
  'catching up': 'answers from what is there while it processes what came since the last run',
};

function notUp(phase: StartPhase): string | undefined {
  return phase === 'up' ? undefined : NOT_UP[phase];
}

/** Serves a topology of the user's own until `shutdown`: its stores and tasks, health and metrics. Returns the address. */
export async function serveOwnTopology(
  installation: LogInstallation,
  processed: { readonly processing: Processing; readonly topology: Topology },
  shutdown: Shutdown,
): Promise<string> {
  const part = processorsRole(processed);
  const server = await openServer(installation, [part], await serverAccess(installation, shutdown));
  await part.register(server);
  return listen(server, installation.configuration, shutdown);
}

async function listen(
  server: HttpServer,
  { http }: Pick<Configuration, 'http'>,
  shutdown: Shutdown,
): Promise<string> {
  const { url } = await server.listen(http);
  shutdown.add('server', () => server.close());
  return url;
}

/** A server without routes, which shows the metrics of the process and of the threads of its parts. */
async function openServer(
  {
    configuration,
    certificate,
    tracing,
    logger,
    metrics,
  }: Pick<Installation, 'configuration' | 'certificate' | 'tracing' | 'logger' | 'metrics'>,
  parts: readonly RolePart[],
  access: AccessControl,
): Promise<HttpServer> {
  return createHttpServer({
    logger,
    metrics: withThreads(metrics, parts),
    allowsHost: allowedHosts(configuration.http),
    limits: { bodyBytes: configuration.http.bodiesMb * 1_000_000 },
    origins: configuration.http.origins,
    certificate: certificate(),
    tracing: await tracing(),
    access,
  });
}

/** Beside serving: users whose key is damaged are refused one by one, and whether there are any shows at once. */
function checkVault(
  server: HttpServer,
  pseudonyms: Pseudonyms,
  { logger, shutdown }: { readonly logger: Logger; readonly shutdown: Shutdown },
): void {
  const { signal } = shutdown;
  const checking = pseudonyms.check(signal).then(
    ({ damaged, repaired }) => {
      if (damaged > 0) logger.error({ damaged }, pseudonyms.damage);
      if (repaired !== undefined) logger.warn({ repaired }, 'the view of the vault was damaged');
    },
    (err: unknown) => signal.aborted || logger.error({ err }, 'the vault of pseudonyms could not be checked'),
  );
  shutdown.add('check of the vault', async () => void (await checking));
  server.addReadyCheck('vault', () => pseudonyms.damage);
}

/** Metrics of this thread together with those of the threads of parts. */
function withThreads(metrics: Metrics, parts: readonly RolePart[]): Metrics {
  const render = async () => {
    const [own, ...threads] = await Promise.all([
      metrics.values(),
      ...parts.map((part) => part.metrics?.() ?? []),
    ]);
    return renderTogether([own, ...threads.flat()]);
  };
  return { ...metrics, render };
}
