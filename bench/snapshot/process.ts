/**
 * The loop as `millrace start` runs it, over a log that holds a world's events, until all are processed. Prints
 * {seconds, cpuSeconds}. Started by ../snapshot.ts: DIRECTORY THREADS.
 */

import { join } from 'node:path';
import { openLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { startProcessing } from '#processing';
import { loadConfiguration } from '#service/configuration';
import { openTopics } from '#topologies';

const [directory = '', threads = ''] = process.argv.slice(2);
const flags = {
  data: directory,
  'engine.threads': threads,
  'logging.level': 'warn',
  'privacy.userIds': 'as-given',
};
const configuration = loadConfiguration({ flags, environment: {}, directory });
const logger = createLogger({ level: 'warn', name: 'bench' });
const opened = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
const topics = await openTopics(opened.log, opened.registry);
const start = performance.now();
const cpu = process.cpuUsage();
const processing = await startProcessing({
  ...opened,
  topics,
  stateDirectory: join(directory, 'state'),
  instanceId: 'main',
  configuration,
});
await processing.untilCaughtUp();
const { user, system } = process.cpuUsage(cpu);
const figures = { seconds: (performance.now() - start) / 1e3, cpuSeconds: (user + system) / 1e6 };
await processing.stop();
await opened.close();
process.stdout.write(`${JSON.stringify(figures)}\n`);
