/** Archives all that a processed log carries, as a running `start` does all along, and prints what it took. */
import { openEmbeddedLog } from '#log';
import { archiveNow } from '#offline';
import { createLogger, createMetrics, systemClock } from '#platform';
import { openTopics } from '#topologies';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const [directory = ''] = process.argv.slice(2);
const logger = createLogger({ level: 'warn', name: 'bench' });
const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
const topics = await openTopics(log, log.registry);
const start = performance.now();
const cpu = process.cpuUsage();
await archiveNow({
  log,
  topics,
  dataDirectory: directory,
  clock: systemClock,
  logger,
  metrics: createMetrics(),
  instanceId: 'bench',
  flushMs: HOUR_MS,
  flushRecords: 200_000,
  retention: { eventsMs: 90 * DAY_MS, featuresMs: 365 * DAY_MS },
});
const seconds = (performance.now() - start) / 1e3;
const { user, system } = process.cpuUsage(cpu);
await log.close();
process.stdout.write(`${JSON.stringify({ seconds, cpuSeconds: (user + system) / 1e6 })}\n`);
