/** What each thread that processes runs: the loop, the view of a module, or a topology of the user's own. */

import { type DeclareThread, deadLetterTopic, rocksDatabases } from '#engine';
import { openLog } from '#log';
import { createLogger, createMetrics, openTracing, systemClock } from '#platform';
import { openTopics } from '#topologies';
import { boundedLog } from './bounded-log.ts';
import { declaredTopology, isOwn, type Runs } from './declared-topology.ts';
import type { ProcessingConfiguration } from './options.ts';
import { type ShadowRun, shadowDeadLetters, shadowTopology } from './shadow-run.ts';
import { stateDirectoryOf } from './state-directory.ts';

/** While a topology is behind, as it is when a view is built, it commits so often: most rows change many times in between. */
export const CATCH_UP_COMMIT_INTERVAL_MS = 1_000;

export type WorkerInput = {
  readonly runs: Runs;
  /** Where the stores lie, apart from those of any other log. */
  readonly stateDirectory: string;
  /** Where other members can ask this one's stores: see servePeers of the engine. */
  readonly endpoint?: string | undefined;
  readonly configuration: ProcessingConfiguration;
  /** The hash of the topology's plan that was accepted: see planStart of the engine. */
  readonly accepted?: string | undefined;
  /** Absent: the live one runs. */
  readonly shadow?: ShadowRun | undefined;
};

/** Counts as `admitted` the events that admission has decided on. */
export const declare: DeclareThread = async ({ connection, data }) => {
  const { runs, stateDirectory, endpoint, configuration, shadow, accepted } = data as WorkerInput;
  const logger = createLogger({ level: configuration.logging.level, name: 'processing' });
  const opened = await openLog(configuration, {
    clock: systemClock,
    random: Math.random,
    logger,
    connection,
  });
  const metrics = createMetrics();
  const tracing = await openTracing(configuration.tracing, { random: Math.random, logger, metrics });
  let admitted = 0;
  const outcomes = metrics.counter('admission_events_total', 'Events by what admission made of them.', [
    'outcome',
  ]);
  const count = (outcome: string) => {
    admitted++;
    outcomes.inc({ outcome });
  };
  const topics = () => openTopics(opened.log, opened.registry);
  const live = await declaredTopology(runs, configuration, opened, topics, count);
  const declared = shadow === undefined ? live : { topology: shadowTopology(live.topology, shadow) };
  const deadLetters = await deadLetterTopic(opened.registry);
  const { commitIntervalMs, batchRecords, cacheEntries, standbys, guarantee, onRecordError } =
    configuration.engine;
  return {
    options: {
      log:
        shadow === undefined ? opened.log : boundedLog(opened.log, { ...shadow, clock: systemClock, usedMs }),
      ...declared,
      accepted,
      databases: rocksDatabases(stateDirectoryOf(declared.topology, stateDirectory)),
      clock: systemClock,
      logger,
      metrics,
      tracing,
      deadLetters: shadow === undefined ? deadLetters : shadowDeadLetters(declared.topology, deadLetters),
      standbys,
      onRecordError,
      // The archive and the decisions over versions count on the product's own to be exact.
      guarantee: isOwn(runs) && shadow === undefined ? guarantee : 'exactly-once',
      ...(endpoint !== undefined && { endpoint }),
      commitIntervalMs,
      catchUpCommitIntervalMs: Math.max(CATCH_UP_COMMIT_INTERVAL_MS, commitIntervalMs),
      batchRecords,
      cacheEntries,
    },
    counts: () => ({ admitted }),
    restartsWhenFenced: opened.embedded === undefined,
    close: async () => {
      await tracing?.close();
      await opened.close();
    },
  };
};

/** Processor time of this thread, ms. */
function usedMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
}
