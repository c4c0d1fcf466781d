import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { TopicReader } from '#engine';
import { type Log, openEmbeddedLog } from '#log';
import { createHttpServer, createLogger, createMetrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { asGiven } from '#privacy';
import { openTopics } from '#topologies';
import { openGateway } from './gateway.ts';

const POSTERS = 60;
const EVENTS = 500;
/** As many as the gateway may have sent to a log that does not acknowledge them. */
const MOST_UNWRITTEN = 20_000;

/** A log whose appends wait while it is stalled, and go on in their order. */
function stalling(log: Log): { readonly log: Log; stall(): () => void } {
  let stalled: Promise<void> = Promise.resolve();
  const watched = new Proxy(log, {
    get: (target, name) => {
      const value = Reflect.get(target, name);
      if (name !== 'producer') return value.bind?.(target) ?? value;
      return async () => {
        const producer = await target.producer();
        const append = producer.append.bind(producer);
        producer.append = async (...records) => {
          await stalled;
          return append(...records);
        };
        return producer;
      };
    },
  });
  const stall = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    stalled = promise;
    return resolve;
  };
  return { log: watched, stall };
}

it('a stalled log bounds what waits for it, and has all that was acknowledged when it goes on', {
  timeout: 120_000,
}, async (t) => {
  const opened = await openEmbeddedLog({ directory: temporaryDirectory(t), clock: systemClock });
  const topics = await openTopics(opened, opened.registry);
  const { log, stall } = stalling(opened);
  const metrics = createMetrics();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const shared = { clock: systemClock, futureMs: 300_000, pseudonyms: asGiven, adminToken: undefined };
  const gateway = await openGateway({ ...shared, log, topics, logger, metrics, writeWithinMs: 60_000 });
  const server = await createHttpServer({ logger, metrics });
  gateway.registerRoutes(server);
  let resume = () => {};
  t.after(async () => {
    resume();
    await server.close();
    await gateway.close();
    await opened.close();
  });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });

  const unwritten = metrics.gauge(
    'gateway_unwritten_events',
    'Events sent to the log that it has not acknowledged.',
  );
  const acknowledged = new Set<string>();
  const outcomes = new Map<string, number>();
  let most = 0;
  const post = async (ids: readonly string[]) => {
    const events = ids.map((event_id) => ({ event_id, user_id: event_id, item_id: 'i', kind: 'view' }));
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(events) });
    const { code = 'accepted' } = (await response.json()) as { code?: string };
    const [value] = (await unwritten.get()).values;
    most = Math.max(most, value?.value ?? 0);
    outcomes.set(`${response.status} ${code}`, (outcomes.get(`${response.status} ${code}`) ?? 0) + 1);
    if (response.status === 202) for (const id of ids) acknowledged.add(id);
  };
  const postAll = (round: string) =>
    Promise.all(
      Array.from({ length: POSTERS }, (_, poster) =>
        post(Array.from({ length: EVENTS }, (_, i) => `${round}-${poster}-${i}`)),
      ),
    );

  await postAll('before');
  const before = acknowledged.size;
  resume = stall();
  const stalled = postAll('stalled');
  while ((await unwritten.get()).values[0]?.value !== MOST_UNWRITTEN) await setImmediate();
  assert.equal(acknowledged.size, before, 'nothing is acknowledged that is not written');
  // By now the queue is full: refused before the body is read.
  const early = await fetch(`${url}/events`, { method: 'POST', body: 'not even JSON' });
  assert.equal(early.status, 503);
  assert.equal(early.headers.get('retry-after'), '1');
  resume();
  await stalled;
  while ((await unwritten.get()).values[0]?.value !== 0) await setImmediate();
  await postAll('after');
  assert.equal(most, MOST_UNWRITTEN);
  assert.deepEqual([...outcomes.keys()].sort(), ['202 accepted', '503 MR_EVENTS_UNWRITTEN']);
  assert.ok(before > 0 && acknowledged.size > before);
  const reader = await TopicReader.open(opened, topics.interactions, { from: 'start' });
  const written = new Set<string>();
  for await (const records of reader.untilEnd()) for (const { key } of records) written.add(key);
  assert.deepEqual(acknowledged.difference(written), new Set());
  await reader.close();
});
