import assert from 'node:assert/strict';
import { it } from 'node:test';
import { openSimulatedLog } from '#log';
import { type Clock, createLogger, createMetrics, errorCode } from '#platform';
import { ManualClock } from '#platform/testing';
import { memoryDatabases } from '../../store/memory/memory-database.ts';
import { json } from '../../testing/json-topic.ts';
import { type InputOffsets, positionHeader } from '../commit/position.ts';
import { MARKS_KEY, type Marks } from './open-store.ts';
import { TaskState } from './state.ts';

const HOUR_MS = 3_600_000;
const CHANGELOG = 'sums-changelog';

/** A changelog that keeps tombstones for a day, and somebody who follows it. */
async function world(framing = 0) {
  const clock = new ManualClock(1_000_000);
  const log = openSimulatedLog({ clock, random: () => 0 });
  const cleanup = { policy: 'compact', tombstoneRetentionMs: 24 * HOUR_MS } as const;
  await log.createTopics([{ name: CHANGELOG, partitions: 1, cleanup }]);
  const producer = await log.producer();
  const databases = memoryDatabases();
  const inner = json();
  const front = Buffer.alloc(framing);
  const value = {
    ...inner,
    framing,
    encode: (row: unknown) => Buffer.concat([front, inner.encode(row)]),
    decode: (bytes: Buffer) => inner.decode(bytes.subarray(framing)),
  };
  const open = (more: Partial<Parameters<typeof TaskState.open>[0]> = {}) =>
    TaskState.open({
      name: 'sums-0',
      partition: 0,
      stores: [{ name: 'sums/state', node: 'sums', spec: { value }, changelog: CHANGELOG, logged: true }],
      databases,
      cacheEntries: 10,
      log,
      clock,
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics: createMetrics(),
      inputOffsets: new Map(),
      isCopy: true,
      ...more,
    });
  const write = (key: string, row: unknown, position?: InputOffsets) => {
    const bytes = row === null ? null : value.encode(row);
    const headers = position && [positionHeader(position)];
    return producer.append(CHANGELOG, 0, [
      { key: Buffer.from(key), value: bytes, timestamp: 0, ...(headers && { headers }) },
    ]);
  };
  const foreign = (key: string, text: string) =>
    producer.append(CHANGELOG, 0, [{ key: Buffer.from(key), value: Buffer.from(text), timestamp: 0 }]);
  return { clock, log, open, write, foreign, databases };
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

it('a copy that was whole by a clock hours ahead is restored whole', async () => {
  const { clock, log, open, write } = await world();
  await write('a', 1);
  await write('b', 2);
  const ahead: Clock = {
    now: () => clock.now() + 2 * HOUR_MS,
    monotonic: () => clock.monotonic(),
    sleep: (ms, signal) => clock.sleep(ms, signal),
  };
  await (await open({ clock: ahead })).close();
  await write('a', null);
  log.clean();
  await clock.advance(25 * HOUR_MS);
  log.clean();
  await write('c', 4);
  const again = await open();
  assert.deepEqual(await rowsOf(again), [
    ['b', 2],
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

it('state that stands for more of its inputs than is committed is not counted upon again', async () => {
  const { log, open, write } = await world();
  await write('a', 1, { numbers: 7, gone: 9 });
  const at = (offset: number) => ({ isCopy: false, inputOffsets: new Map([['numbers', offset]]) });
  await (await open({ ...at(7), guarantee: 'exactly-once' })).close();
  await assert.rejects(open({ ...at(6), guarantee: 'exactly-once' }), (error) => {
    assert.equal(errorCode(error), 'MR_STORE_AHEAD');
    assert.match(String(error), /numbers\/0 up to offset 7, .* offset is 6/);
    return true;
  });
  // There a crash leaves it so, and records are counted twice as promised.
  await (await open({ ...at(6), guarantee: 'at-least-once' })).close();
  await log.close();
});

it('a digest of an earlier kind is recomputed from the rows', async () => {
  const { open, write, databases } = await world();
  await write('a', 1);
  await write('b', 2);
  const first = await open();
  const digests = first.digests();
  await first.close();
  const database = await databases.open('sums-0');
  const [marks] = await database.getMany([MARKS_KEY]);
  const kept = JSON.parse(String(marks)) as Marks;
  const mark = kept.stores['sums/state'];
  assert.ok(mark);
  // As releases wrote it whose digests were sums of another hash.
  const earlier = { ...mark, digest: '1'.repeat(32), fingerprint: mark.fingerprint.slice(2) };
  const value = Buffer.from(JSON.stringify({ ...kept, stores: { 'sums/state': earlier } }));
  await database.write([{ key: MARKS_KEY, value }]);
  await database.close();
  const second = await open();
  assert.deepEqual(second.digests(), digests);
  await second.close();
});

it('a foreign record of a changelog is passed over and counted, by a follower and after a restore went wrong', async () => {
  const { log, open, write, foreign, databases } = await world();
  await write('a', 1);
  const copy = await open();
  await foreign('a', '{');
  await foreign('b', '{');
  await write('c', 3);
  await copy.follow(new Map());
  const rows = [
    ['a', 1],
    ['c', 3],
  ];
  assert.deepEqual(await rowsOf(copy), rows);
  const digests = copy.digests();
  await copy.close();
  await databases.destroy('sums-0');
  const metrics = createMetrics();
  const restored = await open({ metrics, suspects: new Set(['sums-0']) });
  assert.deepEqual(await rowsOf(restored), rows);
  assert.deepEqual(restored.digests(), digests);
  assert.match(await metrics.render(), /rejected_records_total\{operator="sums\/state",reason="\w+"\} 2/);
  await restored.close();
  await log.close();
});

it('a value without the framing of its serde is passed over by every restore', async () => {
  const { log, open, write, foreign } = await world(5);
  await write('a', 1);
  await foreign('a', '{"not":"avro"}');
  await foreign('b', '\0');
  const restored = await open();
  assert.deepEqual(await rowsOf(restored), [['a', 1]]);
  await restored.close();
  await log.close();
});
