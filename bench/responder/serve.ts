/**
 * The service, in a process of its own: `node serve.ts DIRECTORY REDIS_URL DEADLINE_MS [open]`, without Redis where its address is
 * empty. Callers need an API key, which it makes, unless it is told to be open. Tells its parent its address when it is ready, then after each message what processor time it has used, all threads
 * together; ends when the parent disconnects.
 */
import { createApiKey, openAccess } from '#access';
import { openEmbeddedLog } from '#log';
import { createHttpServer, createLogger, createMetrics, systemClock } from '#platform';
import { asGiven } from '#privacy';
import { openResponder, RedisViewStore, RedisViewWriter } from '#responders';
import { loadConfiguration } from '#service/configuration';
import { openTopic, openTopics } from '#topologies';

const KEY_NAME = 'bench';

const [directory = '', redis = '', deadlineMs, open] = process.argv.slice(2);
const logger = createLogger({ level: 'warn', name: 'bench' });
const metrics = createMetrics();
const log = await openEmbeddedLog({ directory, clock: systemClock, logger });
const topics = await openTopics(log, log.registry);
const environment = { log, topics, clock: systemClock, logger, metrics };
const inRedis = async () => {
  const writer = await RedisViewWriter.open({ url: redis }, environment, topics);
  await writer.caughtUp;
  await writer.close();
  return { views: await RedisViewStore.open({ url: redis }, environment, topics) };
};
const responder = await openResponder({
  ...environment,
  ...(redis !== '' && (await inRedis())),
  pseudonyms: asGiven,
  dataDirectory: directory,
  // Everything on: what is near to what is shown already gives way, and no category fills an answer.
  recommending: {
    diversity: 0.3,
    perCategory: 10,
    freshnessBoost: 0.1,
    candidates: 200,
    assumedAge: 18,
    deadlineMs: Number(deadlineMs),
  },
});
await responder.ready();
const keys = { log, topic: await openTopic('api-keys', log, log.registry), clock: systemClock };
const withKey = async () => {
  // A directory that was kept has the keys of runs before, whose text nobody has.
  const name = `${KEY_NAME}-${systemClock.now()}`;
  const token = await createApiKey(keys, { name, granted: ['service'] });
  const flags = { 'access.loopback': 'token' };
  const configuration = loadConfiguration({ flags, environment: {}, directory });
  return {
    token,
    access: await openAccess({ ...keys, configuration, logger, metrics, namespace: KEY_NAME }),
  };
};
const guarded = open === 'open' ? undefined : await withKey();
const server = await createHttpServer({ logger, metrics, ...(guarded && { access: guarded.access }) });
responder.registerRoutes(server);
const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
const { version, ranker } = responder;
process.send?.({ port, version, ranker, token: guarded?.token });
process.on('message', (message) => {
  void metrics.render().then((text) => {
    process.send?.({ message, cpu: process.cpuUsage(), rss: process.memoryUsage.rss(), metrics: text });
  });
});
async function close(): Promise<void> {
  await server.close();
  await guarded?.access.close();
  await responder.close();
  await log.close();
}
process.once('disconnect', () => void close());
