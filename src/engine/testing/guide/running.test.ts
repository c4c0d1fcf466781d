import assert from 'node:assert/strict';
import { join } from 'node:path';
import { it, type TestContext } from 'node:test';
import {
  deadLetterTopic,
  httpPeers,
  rocksDatabases,
  runOnThreads,
  StoreQueries,
  StreamsRuntime,
  TopicReader,
} from '#engine';
import { type Log, openEmbeddedLog, partitionFor } from '#log';
import { createMetrics, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { logger, write } from './setting.ts';
import { watching, wideTotals, wideViews } from './watching.ts';

/** Waits until this many results have been committed. */
async function results(log: Log, count: number): Promise<Map<string, number | null>> {
  const reader = await TopicReader.open(log, wideTotals, { from: 'start' });
  const found = new Map<string, number | null>();
  for (let read = 0; read < count; ) {
    for (const { key, value } of await reader.poll(100)) {
      found.set(key, value);
      read++;
    }
  }
  await reader.close();
  return found;
}

async function prepare(t: TestContext) {
  const directory = temporaryDirectory(t);
  const open = () => openEmbeddedLog({ directory: join(directory, 'log'), clock: systemClock, logger });
  return { directory, open };
}

it('a process', async (t) => {
  const { directory, open } = await prepare(t);
  const topology = watching();
  // example: runtime
  const log = await open();
  const deadLetters = await deadLetterTopic(log.registry);
  await log.createTopics([wideViews, wideTotals, deadLetters]);
  const runtime = new StreamsRuntime({
    log,
    topology,
    databases: rocksDatabases(join(directory, 'state')),
    clock: systemClock,
    logger,
    metrics: createMetrics(),
    deadLetters,
    instanceId: 'one',
    // From here on, the defaults.
    guarantee: 'exactly-once',
    commitIntervalMs: 100,
    batchRecords: 2_000,
    cacheEntries: 80_000,
    bufferBytes: 64 * 1024 * 1024,
    standbys: 0,
    idleWaitMs: 0,
    onRecordError: 'dead-letter',
    sessionTimeoutMs: 10_000,
    journal: true,
  });
  await runtime.start();
  const stopping = new AbortController();
  const running = runtime.run(stopping.signal);
  // end
  t.after(() => stopping.abort());
  await write(log, wideViews, ['ann', { item: 'a', seconds: 30 }, 1], ['bob', { item: 'b', seconds: 5 }, 2]);
  assert.deepEqual(
    await results(log, 2),
    new Map([
      ['ann', 30],
      ['bob', 5],
    ]),
  );
  // example: runtime-stop
  stopping.abort();
  await running;
  await log.close();
  // end
});

it('threads', async (t) => {
  const { directory, open } = await prepare(t);
  const log = await open();
  await log.createTopics([wideViews, wideTotals, await deadLetterTopic(log.registry)]);
  // example: threads
  const threads = await runOnThreads({
    module: new URL('./thread.ts', import.meta.url),
    threads: 2,
    instanceId: 'one',
    data: { directory },
    connect: () => log.connect(),
    logger,
  });
  // end
  t.after(() => threads.stop());
  await write(log, wideViews, ['ann', { item: 'a', seconds: 30 }, 1], ['bob', { item: 'b', seconds: 5 }, 2]);
  assert.equal((await results(log, 2)).size, 2);
  // example: threads-queries
  const queries = new StoreQueries({
    topology: watching(),
    memberId: 'one',
    local: threads.tasks,
    owners: () => threads.owners(),
    peers: httpPeers({ clock: systemClock }),
    clock: systemClock,
  });
  // end
  // Results are visible with the transaction, stores a moment later: a query says how far it wants them.
  const atLeast = { 'wide-views': { [partitionFor(Buffer.from('ann'), 4)]: 1 } };
  const { entries } = await queries.query('total/state', { kind: 'key', key: 'ann' }, { atLeast });
  assert.deepEqual(
    entries.map(({ value }) => value),
    [30],
  );
  // example: threads-stop
  const members = await threads.status();
  assert.deepEqual(
    members.map(({ memberId }) => memberId),
    ['one-0', 'one-1'],
  );
  await threads.stop();
  await log.close();
  // end
});
