import { registerJobRoutes } from '#jobs';
import { type Shutdown, systemClock } from '#platform';
import { listedTopics } from '#processing';
import type { Responder } from '#responders';
import { QualityMonitor, registerVersionRoutes } from '#versions';
import { watchBackup } from '../backup-age.ts';
import type { Installation } from '../installation.ts';
import { listedJobs } from '../jobs/declared.ts';
import { type JobWorks, startJobs } from '../jobs/start-jobs.ts';
import { startNotifications } from '../notifications.ts';
import { listTopics } from '../operations.ts';
import { showOutcome } from '../verification/outcome.ts';
import type { RolePart } from './role.ts';

/** How long a decision over a version may take while a client waits. */
const DECISION_MS = 10_000;

export type OperationsRole = RolePart & {
  readonly quality: QualityMonitor;
  /** What it does unasked, until `shutdown`; `failed` rejects when it ends by itself. */
  begin(shutdown: Shutdown): Promise<{ readonly failed: Promise<never> }>;
};

export type OperationsOptions = {
  /** That of this process, which knows its ranker and how versions agree; others tell by their metrics. */
  readonly responder: Responder | undefined;
  readonly works: JobWorks;
};

export async function openOperationsRole(
  installation: Installation,
  { responder, works }: OperationsOptions,
  shutdown: Shutdown,
): Promise<OperationsRole> {
  const { configuration, log, topics, logger, metrics } = installation;
  const quality = await QualityMonitor.open({
    log,
    topics,
    dataDirectory: configuration.data,
    files: installation.files,
    clock: systemClock,
    logger,
    metrics,
    ranker: () => {
      const id = responder?.ranker;
      return id === undefined ? undefined : { id, features: responder?.rankerFeatures ?? [] };
    },
  });
  shutdown.add('quality of answers', () => quality.close());
  return {
    role: 'operations',
    quality,
    register: (server) => {
      quality.registerRoutes(server);
      registerVersionRoutes(server, {
        log,
        topics,
        clock: systemClock,
        patienceMs: DECISION_MS,
        quality,
        comparisons: () => responder?.comparisons ?? [],
      });
      registerJobRoutes(server, { log, topics, clock: systemClock, jobs: listedJobs(configuration) });
      server.serve(listTopics, async () => ({ topics: await listedTopics(log) }));
    },
    state: () => 'watches and administers',
    begin: (until) => begin(installation, works, until),
  };
}

async function begin(
  installation: Installation,
  works: JobWorks,
  shutdown: Shutdown,
): Promise<{ readonly failed: Promise<never> }> {
  const { embedded, directory, metrics } = installation;
  if (embedded !== undefined) watchBackup(installation, shutdown);
  const { signal } = shutdown;
  const verified = showOutcome(directory, { clock: systemClock, metrics, signal });
  shutdown.add('outcome of verifications', () => verified);
  const jobs = await startJobs(installation, works, shutdown);
  const notifications = await startNotifications(installation, shutdown);
  return { failed: Promise.race([jobs.failed, notifications.failed]) };
}
