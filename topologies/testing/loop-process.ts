/**
 * A process that runs the loop topology over a data directory until everything is processed: what the kill tests
 * start, kill and start again. Prints `running` when its tasks are open, and at the end one JSON line of digests.
 */

import { join } from 'node:path';
import { rocksDatabases, StreamsRuntime } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { loopTopology } from '../loop.ts';
import { openTopics } from '../topics.ts';

const [directory = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'error', name: 'loop-process' });
// Power loss is not what these tests are about, and fsync would be most of their time.
const log = await openEmbeddedLog({ directory, clock: systemClock, logger, synchronous: 'normal' });
const topics = await openTopics(log, log.registry);
const topology = await loopTopology(topics, log.registry, {
  admission: { latenessMs: 10_000, dedupHorizonMs: 86_400_000, futureMs: 300_000, count: () => {} },
  gate: { minimumLift: 1 },
});
const runtime = new StreamsRuntime({
  log,
  topology,
  databases: rocksDatabases(join(directory, 'state')),
  clock: systemClock,
  logger,
  metrics: createMetrics(),
  deadLetters: topics['dead-letters'],
  instanceId: 'main',
  commitIntervalMs: 5,
  batchRecords: 100,
  cacheEntries: 200,
});
await runtime.start();
process.stdout.write('running\n');
await runtime.runUntilCaughtUp(5);
const digests = runtime.tasks.flatMap((task) =>
  Array.from(task.digests(), ([store, digest]) => [`${task.name}:${store}`, digest]),
);
await runtime.close();
await log.close();
process.stdout.write(`${JSON.stringify(Object.fromEntries(digests))}\n`);
