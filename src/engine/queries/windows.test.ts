import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import { type Session, sessionRow, sessionStoreSpec } from '../store/session-store.ts';
import { windowRow, windowStoreSpec } from '../store/window-store.ts';
import { json } from '../testing/json-topic.ts';
import { TopicWriter } from '../topic-writer.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { defineProcessor, port } from '../topology/processor.ts';
import { session, tumbling } from '../topology/windows/window.ts';
import { localTasks } from './local-tasks.ts';
import type { StoreQuery } from './query.ts';
import { StoreQueries } from './store-queries.ts';
import { input, sumsRuntime } from './testing/sums.ts';

const DAY_MS = 86_400_000;

/** Keeps each value under the window of its hour of ten, and each event as a session of one instant. */
const kept = defineProcessor({
  inputs: { records: port<string, number>() },
  outputs: {},
  stores: {
    windows: windowStoreSpec(json<number>(), { ttlMs: DAY_MS }),
    sessions: sessionStoreSpec(json<number>(), { ttlMs: DAY_MS }),
  },
  reads: {
    records: ({ key, timestamp }) => ({
      windows: [windowRow(key, Math.floor(timestamp / 10) * 10)],
      sessions: [sessionRow(key, instant(timestamp))],
    }),
  },
  process: {
    records: ({ key, value, timestamp }, { stores }) => {
      stores.windows.put(windowRow(key, Math.floor(timestamp / 10) * 10), value, timestamp);
      stores.sessions.put(sessionRow(key, instant(timestamp)), value, timestamp);
    },
  },
});

function instant(ms: number): Session {
  return { startMs: ms, endMs: ms };
}

function topology() {
  const builder = new TopologyBuilder({ name: 'windowed', generation: 1 });
  const source = builder.source(input);
  const value = json<number>();
  source.windowed(tumbling({ sizeMs: 10, graceMs: 1_000 })).count('tumbling', { value, retentionMs: DAY_MS });
  source.windowed(session({ gapMs: 5, graceMs: 1_000 })).count('sessions', { value, retentionMs: DAY_MS });
  builder.process('kept', kept, { records: source });
  return builder.build();
}

it('windows of a key are found by their start, however a store lays them out', async (t) => {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  await log.createTopics([input]);
  const options = { log, databases: memoryDatabases(), clock: systemClock, instanceId: 'a' };
  const runtime = await sumsRuntime({ ...options, topology: topology() });
  await runtime.start();
  t.after(async () => {
    await runtime.close();
    await log.close();
  });
  const writer = await TopicWriter.open(log, input);
  // Keys that begin alike, and one with the character that ends a key within a row.
  for (const key of ['k', 'kk', 'k\u0000', 'l']) {
    const records = [3, 5, 12, 31, 38].map((timestamp) => ({ key, value: timestamp, timestamp }));
    await writer.write(records);
  }
  await writer.close();
  do await runtime.runOnce(5);
  while (!runtime.isCaughtUp);
  const queries = new StoreQueries({
    topology: topology(),
    memberId: 'a',
    local: localTasks(() => runtime),
    owners: () => new Map(),
    peers: { read: () => Promise.reject(new Error('there is no peer')) },
    clock: systemClock,
    patienceMs: 0,
  });
  const found = async (store: string, query: StoreQuery) => {
    const { entries } = await queries.query(store, query);
    for (const entry of entries) if ('key' in query) assert.equal(entry.key, query.key);
    return entries.map(({ window, value }) => [window?.startMs, window?.endMs, value]);
  };
  for (const key of ['k', 'kk', 'k\u0000', 'l']) {
    const between: StoreQuery = { kind: 'window', key, fromMs: 10, toMs: 31 };
    assert.deepEqual(await found('tumbling/windows', between), [
      [10, 20, 1],
      [30, 40, 2],
    ]);
    assert.deepEqual(await found('sessions/windows', between), [[12, 12, 1]]);
    assert.deepEqual(await found('kept/windows', between), [
      [10, undefined, 12],
      [30, undefined, 38],
    ]);
    assert.deepEqual(await found('kept/sessions', between), [[12, 12, 12]]);
    assert.deepEqual(await found('tumbling/windows', { kind: 'key', key }), [
      [0, 10, 2],
      [10, 20, 1],
      [30, 40, 2],
    ]);
    assert.deepEqual(await found('sessions/windows', { kind: 'key', key }), [
      [3, 5, 2],
      [12, 12, 1],
      [31, 31, 1],
      [38, 38, 1],
    ]);
  }
  assert.equal((await queries.query('tumbling/windows', { kind: 'range' })).entries.length, 12);
  for (const [fromMs, toMs] of [
    [-1, 5],
    [0.5, 5],
    [0, Number.POSITIVE_INFINITY],
  ] as const) {
    const query: StoreQuery = { kind: 'window', key: 'k', fromMs, toMs };
    await assert.rejects(queries.query('tumbling/windows', query), { code: 'MR_QUERY_INVALID' });
  }
});
