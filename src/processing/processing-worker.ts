/** What each thread that processes runs: the loop, the view of a module, or a topology of the user's own. */

import { type DeclareThread, deadLetterTopic, rocksDatabases } from '#engine';
import { openLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { openTopics } from '#topologies';
import { declaredTopology, isOwn, type Runs } from './declared-topology.ts';
import type { ProcessingConfiguration } from './options.ts';
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
};

/** Counts as `admitted` the events that admission has decided on. */
export const declare: DeclareThread = async ({ connection, data }) => {
  const { runs, stateDirectory, endpoint, configuration } = data as WorkerInput;
  const logger = createLogger({ level: configuration.logging.level, name: 'processing' });
  const opened = await openLog(configuration, {
    clock: systemClock,
    random: Math.random,
    logger,
    connection,
  });
  const metrics = createMetrics();
  let admitted = 0;
  const outcomes = metrics.counter('admission_events_total', 'Events by what admission made of them.', [
    'outcome',
  ]);
  const count = (outcome: string) => {
    admitted++;
    outcomes.inc({ outcome });
  };
  const topics = () => openTopics(opened.log, opened.registry);
  const declared = await declaredTopology(runs, configuration, opened, topics, count);
  const { commitIntervalMs, batchRecords, cacheEntries, standbys, guarantee, onRecordError } =
    configuration.engine;
  return {
    options: {
      log: opened.log,
      ...declared,
      databases: rocksDatabases(stateDirectoryOf(declared.topology, stateDirectory)),
      clock: systemClock,
      logger,
      metrics,
      deadLetters: await deadLetterTopic(opened.registry),
      standbys,
      onRecordError,
      // The archive and the decisions over versions count on the product's own to be exact.
      guarantee: isOwn(runs) ? guarantee : 'exactly-once',
      ...(endpoint !== undefined && { endpoint }),
      commitIntervalMs,
      catchUpCommitIntervalMs: Math.max(CATCH_UP_COMMIT_INTERVAL_MS, commitIntervalMs),
      batchRecords,
      cacheEntries,
    },
    counts: () => ({ admitted }),
    restartsWhenFenced: opened.embedded === undefined,
    close: () => opened.close(),
  };
};
