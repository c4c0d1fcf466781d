import assert from 'node:assert/strict';
import { mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import { acceptedGenerations, memoryDatabases, StreamsRuntime, TopologyBuilder } from '#engine';
import { json } from '#engine/testing';
import { type Log, openEmbeddedLog } from '#log';
import { type Clock, createLogger, createMetrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { openTopics, type Topics } from '#topologies';
import { carryOverEarlier, earlierGeneration, removeEarlierStores } from './carry-over.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
/** Pauses are short, and still let others work. */
const hurried: Clock = { ...systemClock, sleep: (_, signal) => systemClock.sleep(5, signal) };

function counting({ users }: Topics, generation: number) {
  const builder = new TopologyBuilder({ name: 'kept', generation });
  builder.source(users).count('count', { value: json<number>() });
  return builder.build();
}

async function opened(t: TestContext) {
  const log = await openEmbeddedLog({ directory: temporaryDirectory(t), clock: systemClock, logger });
  t.after(() => log.close());
  const topics = await openTopics(log, log.registry);
  const start = async (generation: number) => {
    const runtime = new StreamsRuntime({
      log,
      topology: counting(topics, generation),
      databases: memoryDatabases(),
      clock: systemClock,
      logger,
      metrics: createMetrics(),
      deadLetters: topics['dead-letters'],
      instanceId: 'main',
    });
    await runtime.start();
    await runtime.run(AbortSignal.abort());
  };
  const environment = {
    log,
    topology: counting(topics, 2),
    clock: hurried,
    logger,
    metrics: createMetrics(),
    signal: new AbortController().signal,
    onProgress: () => {},
    onWaiting: () => {},
  };
  return { log, topics, start, environment };
}

it('two processes that carry over at once both end, with the state carried over', async (t) => {
  const { log, start, environment } = await opened(t);
  await start(1);
  const both = Array.from({ length: 2 }, () =>
    carryOverEarlier({ ...environment, metrics: createMetrics() }),
  );
  await Promise.all(both);
  assert.deepEqual(await acceptedGenerations(log, 'kept'), [2]);
  await start(2);
});

it('a manifest that another process deletes while it is read is none', async (t) => {
  const { log, start } = await opened(t);
  await start(1);
  assert.deepEqual(await acceptedGenerations(log, 'kept'), [1]);
  const racing = {
    describeTopics: (names?: readonly string[]) => log.describeTopics(names),
    consumer: async () => {
      await log.deleteTopics(['kept-1-manifest']);
      return log.consumer();
    },
  };
  assert.deepEqual(await acceptedGenerations(racing as unknown as Log, 'kept'), []);
});

it('a newer generation is refused, and an earlier one that says nothing of its state', async (t) => {
  const { log, topics, start, environment } = await opened(t);
  assert.equal(await earlierGeneration(log, environment.topology), undefined);
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  await log.createTopics([{ name: 'kept-1-some-repartition', partitions: 1, cleanup }]);
  await assert.rejects(earlierGeneration(log, environment.topology), { code: 'MR_DATA_OUTDATED' });
  await start(3);
  await assert.rejects(carryOverEarlier(environment), { code: 'MR_DATA_NEWER' });
  assert.equal(await earlierGeneration(log, counting(topics, 3)), undefined);
  assert.equal(await earlierGeneration(log, counting(topics, 4)), 3);
});

it('stores of earlier generations go, and nothing else', async (t) => {
  const directory = temporaryDirectory(t);
  for (const name of ['loop-3', 'loop-4', 'loop-5', 'loop-3-own', 'view-loop-1'])
    mkdirSync(join(directory, name));
  await removeEarlierStores(directory, { name: 'loop', generation: 5 });
  assert.deepEqual(readdirSync(directory).sort(), ['loop-3-own', 'loop-5', 'view-loop-1']);
  await removeEarlierStores(join(directory, 'nothing'), { name: 'loop', generation: 5 });
});
