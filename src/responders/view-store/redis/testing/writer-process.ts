/** A process with a writer of views, to be killed: node writer-process.ts LOG_DIRECTORY REDIS_URL [rebuild] */
import { openEmbeddedLog } from '#log';
import { createMetrics, systemClock } from '#platform';
import { openTopics } from '#topologies';
import { RedisViewWriter } from '../view-writer.ts';
import { silent } from './redis-views.ts';

const [directory = '', url = '', rebuild] = process.argv.slice(2);
const log = await openEmbeddedLog({ directory, clock: systemClock });
const topics = await openTopics(log, log.registry);
const environment = { log, clock: systemClock, logger: silent, metrics: createMetrics() };
const writer = await RedisViewWriter.open({ url }, environment, topics);
await writer.caughtUp;
process.stdout.write('ready\n');
while (rebuild !== undefined) await writer.rebuild();
