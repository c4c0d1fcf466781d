/** The HTTP server of `millrace start`: gateway, responder and queries of the processors' stores on one port. */

import { describeTopology, servePeers, serveQueries, type Topology } from '#engine';
import { openGateway } from '#gateway';
import {
  allowedHosts,
  createHttpServer,
  createLogger,
  createMetrics,
  type HttpServer,
  type Logger,
  type Metrics,
  renderTogether,
  type Shutdown,
  systemClock,
} from '#platform';
import type { Pseudonyms } from '#privacy';
import { listedTopics, type Processing, processedInteractions } from '#processing';
import type { Responder } from '#responders';
import { registerVersionRoutes } from '#versions';
import type { Configuration } from './configuration.ts';
import type { Installation, LogInstallation } from './installation.ts';
import { Intake } from './intake.ts';
import { getTopology, listTasks, listTopics } from './operations.ts';
import type { Pipeline } from './pipeline.ts';
import type { ViewsInRedis } from './views.ts';

/** How long a decision over a version may take while a client waits. */
const DECISION_MS = 10_000;

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
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

type Processed = { readonly processing: Processing; readonly topology: Topology };

type Served = {
  readonly pipeline: Pipeline;
  readonly responder: Responder;
  readonly views: ViewsInRedis | undefined;
};

/** Serves until `shutdown`; gives the address. */
export async function serve(
  { configuration, log, embedded, topics, pseudonyms, logger, metrics }: Installation,
  { pipeline, responder, views }: Served,
  shutdown: Shutdown,
): Promise<string> {
  const { disk, gateway: limits } = configuration;
  const intake = new Intake({
    directory: embedded === undefined ? undefined : configuration.data,
    reserveBytes: disk.reserveMb * 1_000_000,
    maxLag: limits.maxLag,
    lag: () => pipeline.latest().lag.interactions ?? 0,
    clock: systemClock,
    logger,
    metrics,
  });
  const gateway = await openGateway({
    log,
    topics,
    pseudonyms: await pseudonyms(),
    clock: systemClock,
    futureMs: configuration.admission.futureMs,
    pending: {
      most: configuration.admission.userPendingEvents,
      processed: () => processedInteractions(log),
    },
    refusal: () => intake.refusal(),
    adminToken: configuration.admin.token,
    logger,
    metrics,
  });
  shutdown.add('gateway', () => gateway.close());
  const server = await processingServer({ configuration, logger, metrics }, pipeline);
  gateway.registerRoutes(server);
  responder.registerRoutes(server);
  const { token } = configuration.admin;
  registerVersionRoutes(server, { log, topics, clock: systemClock, patienceMs: DECISION_MS, token });
  server.serve(listTopics, async () => ({ topics: await listedTopics(log) }));
  server.addReadyCheck('disk', () => intake.notReady());
  checkVault(server, await pseudonyms(), { logger, shutdown });
  if (views !== undefined) server.addReadyCheck('views', () => views.notReady());
  return listen(server, configuration, shutdown);
}

/** Serves a topology of the user's own until `shutdown`: its stores and tasks, health and metrics. Returns the address. */
export async function serveOwnTopology(
  installation: LogInstallation,
  processed: Processed,
  shutdown: Shutdown,
): Promise<string> {
  const server = await processingServer(installation, processed);
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

/** A server with what can be asked of processing: stores, tasks, metrics, and whether it goes on. */
async function processingServer(
  { configuration, logger, metrics }: Pick<Installation, 'configuration' | 'logger' | 'metrics'>,
  { processing, topology }: Processed,
): Promise<HttpServer> {
  const server = await createHttpServer({
    logger,
    metrics: withThreads(metrics, processing),
    allowsHost: allowedHosts(configuration.http),
  });
  await serveQueries(server, processing);
  await servePeers(server, processing);
  server.serve(listTasks, async () => ({ members: await processing.report() }));
  const description = describeTopology(topology);
  server.serve(getTopology, () => description);
  let failure: Error | undefined;
  processing.ended.catch((error: Error) => {
    failure = error;
  });
  server.addReadyCheck('processing', () => (failure ? `has failed: ${failure.message}` : processing.heldUp));
  return server;
}

/** Beside serving: users whose key is damaged are refused one by one, and whether there are any shows at once. */
function checkVault(
  server: HttpServer,
  pseudonyms: Pseudonyms,
  { logger, shutdown }: { readonly logger: Logger; readonly shutdown: Shutdown },
): void {
  const { signal } = shutdown;
  const checking = pseudonyms.check(signal).then(
    ({ damaged }) => damaged > 0 && logger.error({ damaged }, pseudonyms.damage),
    (err: unknown) => signal.aborted || logger.error({ err }, 'the vault of pseudonyms could not be checked'),
  );
  shutdown.add('check of the vault', async () => void (await checking));
  server.addReadyCheck('vault', () => pseudonyms.damage);
}

/** Metrics of this thread together with those of the threads that process. */
function withThreads(metrics: Metrics, processing: Processing): Metrics {
  const render = async () => {
    const [own, threads] = await Promise.all([metrics.values(), processing.metrics().catch(() => [])]);
    return renderTogether([own, ...threads]);
  };
  return { ...metrics, render };
}
