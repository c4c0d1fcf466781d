/**
 * The processors alone: reads a log that holds a world's events and runs the loop topology until all are processed, telling
 * a collector of traced records if one is named. Prints {seconds, cpuSeconds}. Started by loop.ts and tracing.ts on one core.
 */

import { join } from 'node:path';
import { StreamsRuntime } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, openTracing, systemClock } from '#platform';
import { CATCH_UP_COMMIT_INTERVAL_MS } from '#processing';
import { loopTopology, openTopics } from '#topologies';
import { runtimeOptions } from '../runtime-options.ts';

const [directory = '', collector] = process.argv.slice(2);
const logger = createLogger({ level: 'warn', name: 'bench' });
const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
const topics = await openTopics(log, log.registry);
const topology = await loopTopology(topics, log.registry, {
  admission: { latenessMs: 10_000, dedupHorizonMs: 86_400_000, futureMs: 300_000, count: () => {} },
  gate: { minimumLift: 1 },
});
const runs = { log, topology, deadLetters: topics['dead-letters'] };
const metrics = createMetrics();
const to = { endpoint: collector, sample: 0, service: 'bench' };
const tracing = await openTracing(to, { random: Math.random, logger, metrics });
const runtime = new StreamsRuntime({
  ...runtimeOptions(runs, join(directory, 'state')),
  catchUpCommitIntervalMs: CATCH_UP_COMMIT_INTERVAL_MS,
  tracing,
});
await runtime.start();
const start = performance.now();
const cpu = process.cpuUsage();
await runtime.runUntilCaughtUp(100);
await tracing?.close();
const { user, system } = process.cpuUsage(cpu);
const figures = { seconds: (performance.now() - start) / 1e3, cpuSeconds: (user + system) / 1e6 };
await runtime.close();
await log.close();
process.stdout.write(`${JSON.stringify(figures)}\n`);
