import assert from 'node:assert/strict';
import { it } from 'node:test';
import { createLogger, errorCode } from '#platform';
import { ManualClock } from '#platform/testing';
import { openSimulatedLog } from '../log/simulated/simulated-log.ts';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import { json } from '../testing/json-topic.ts';
import { TaskState } from './state.ts';

const HOUR_MS = 3_600_000;
const CHANGELOG = 'sums-changelog';

/** A changelog that keeps tombstones for a day, and somebody who follows it. */
async function world() {
  const clock = new ManualClock(1_000_000);
  const log = openSimulatedLog({ clock, random: () => 0 });
  const cleanup = { policy: 'compact', tombstoneRetentionMs: 24 * HOUR_MS } as const;
  await log.createTopics([{ name: CHANGELOG, partitions: 1, cleanup }]);
  const producer = await log.producer();
  const databases = memoryDatabases();
  const open = () =>
    TaskState.open({
      name: 'sums-0',
      partition: 0,
      stores: [{ name: 'sums/state', spec: { value: json() }, changelog: CHANGELOG, logged: true }],
      databases,
      cacheEntries: 10,
      log,
      clock,
      logger: createLogger({ level: 'silent', name: 'test' }),
      inputOffsets: new Map(),
      isCopy: true,
    });
  const write = (key: string, value: unknown) => {
    const bytes = value === null ? null : Buffer.from(JSON.stringify(value));
    return producer.append(CHANGELOG, 0, [{ key: Buffer.from(key), value: bytes, timestamp: 0 }]);
  };
  return { clock, log, open, write };
}

async function rowsOf(state: TaskState): Promise<unknown[]> {
  const rows: unknown[] = [];
  for await (const row of state.store('sums/state')?.entries() ?? []) rows.push(row);
  return rows;
}

it('a copy that has stood still for longer than tombstones are kept is restored whole', async () => {
  const { clock, log, open, write } = await world();
  await write('a', 1);
  await write('b', 2);
  const copy = await open();
  await write('a', null);
  await write('b', 3);
  log.clean();
  await clock.advance(25 * HOUR_MS);
  log.clean();
  await write('c', 4);
  await assert.rejects(copy.follow(new Map()), (error) => errorCode(error) === 'MR_STORE_OUTDATED');
  await copy.close();
  const again = await open();
  assert.deepEqual(await rowsOf(again), [
    ['b', 3],
    ['c', 4],
  ]);
  await again.close();
  await log.close();
});

it('a copy that had nothing to follow for so long goes on', async () => {
  const { clock, log, open, write } = await world();
  await write('a', 1);
  const copy = await open();
  await clock.advance(25 * HOUR_MS);
  await copy.follow(new Map());
  await write('a', null);
  await copy.follow(new Map());
  assert.deepEqual(await rowsOf(copy), []);
  await copy.close();
  await log.close();
});
