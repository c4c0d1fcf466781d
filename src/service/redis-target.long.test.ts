import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { it, type TestContext } from 'node:test';
import { TopicWriter } from '#engine';
import { type AsOfRows, asOfRows, crossKey, userCategoryFeaturesView, userFeaturesView } from '#features';
import { openEmbeddedLog } from '#log';
import { createLogger, createMetrics, Shutdown, systemClock } from '#platform';
import { eventually, temporaryDirectory } from '#platform/testing';
import { RedisViewStore, RedisViewWriter } from '#responders';
import { redisServer } from '#servers';
import { openTopics } from '#topologies';
import { loadConfiguration } from './configuration.ts';
import type { Installation } from './installation.ts';
import { redisTarget } from './redis-target.ts';

async function openWorld(t: TestContext, url: string, patienceMs: number) {
  const directory = temporaryDirectory(t);
  const views = `${url}?namespace=test-${randomUUID().slice(0, 8)}`;
  const configuration = loadConfiguration({ flags: { data: directory, views }, environment: {}, directory });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  const topics = await openTopics(log, log.registry);
  const environment = { log, clock: systemClock, logger, metrics: createMetrics() };
  const shutdown = new Shutdown({ logger, clock: systemClock });
  shutdown.add('log', () => log.close());
  const writer = await RedisViewWriter.open({ url: views }, environment, topics);
  shutdown.add('writer', () => writer.close());
  t.after(() => shutdown.stop('done'));

  const put = async (view: 'user-features' | 'user-category-features', key: string, isThere: boolean) => {
    const isOfUser = view === 'user-features';
    const empty = <State>(rows: AsOfRows<State>) => rows.toViewState(rows.empty());
    const value = isOfUser ? empty(asOfRows(userFeaturesView)) : empty(asOfRows(userCategoryFeaturesView));
    const topicWriter = await TopicWriter.open(
      log,
      topics[isOfUser ? 'user-features-2' : 'user-category-features-1'],
    );
    await topicWriter.write([{ key, value: isThere ? value : null, timestamp: 1 }]);
    await topicWriter.close();
  };
  const store = await RedisViewStore.open({ url: views }, environment, topics);
  shutdown.add('store', () => store.close());
  await Promise.all([writer.caughtUp, store.caughtUp]);
  const untilThere = async (view: string, key: string) => {
    await eventually(async () => (await store.rows([{ view, key }]))[0] !== undefined);
  };
  let polls = 0;
  const clock = {
    ...systemClock,
    sleep: (ms: number, signal?: AbortSignal) => {
      polls++;
      return systemClock.sleep(ms, signal);
    },
  };
  const untilPolled = async (times: number) => {
    const from = polls;
    await eventually(() => polls >= from + times);
  };
  const of = { identity: 'embedded', embedded: log, directory };
  const installation = { ...environment, ...of, configuration, topics } as unknown as Installation;
  const waiting = { ...installation, modules: [], clock, patienceMs, signal: shutdown.signal };
  const target = await redisTarget(waiting, undefined, shutdown);
  assert.ok(target !== undefined);
  return { put, untilThere, untilPolled, target };
}

it('an erasure waits until no row of the user is in Redis any more', async (t) => {
  const redis = await redisServer(t);
  if (redis === undefined) return;
  const { put, untilThere, untilPolled, target } = await openWorld(t, redis.url, 60_000);
  for (const user of ['anna', 'bert']) {
    await put('user-features', user, true);
    await put('user-category-features', crossKey(user, 'music'), true);
  }
  await untilThere('user-features', 'anna');
  await untilThere('user-category-features', crossKey('anna', 'music'));
  let isDone = false;
  const erasing = target.erase('anna').finally(() => {
    isDone = true;
  });
  await untilPolled(1);
  await put('user-features', 'anna', false);
  await untilPolled(5);
  assert.equal(isDone, false, 'the row of the category is there still');
  await put('user-category-features', crossKey('anna', 'music'), false);
  assert.deepEqual(await erasing, { where: 'views in Redis', rows: 2 });
  assert.equal((await target.erase('nobody')).rows, 0);
});

it('an erasure gives up where the rows stay in Redis', async (t) => {
  const redis = await redisServer(t);
  if (redis === undefined) return;
  const { put, untilThere, target } = await openWorld(t, redis.url, 500);
  await put('user-features', 'anna', true);
  await untilThere('user-features', 'anna');
  await assert.rejects(target.erase('anna'), { code: 'MR_PRIVACY_VIEWS_REMAIN', remedy: 'retry' });
});
