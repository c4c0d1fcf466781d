import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type Clock, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { at, hasCode, type ReadRecord, readCount, readToEnd, text, values } from '../contract/opened.ts';
import type { Cleanup } from '../port.ts';
import { openEmbeddedLog } from './embedded-log.ts';

/** The machine's clock, with a wall time that a test sets. */
class WallClock implements Clock {
  nowMs = 1_000_000;

  now(): number {
    return this.nowMs;
  }

  monotonic(): number {
    return systemClock.monotonic();
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return systemClock.sleep(ms, signal);
  }
}

async function openWith(t: TestContext, cleanup: Cleanup) {
  const clock = new WallClock();
  const log = await openEmbeddedLog({ directory: temporaryDirectory(t), clock, synchronous: 'normal' });
  t.after(() => log.close());
  await log.createTopics([{ name: 'in', partitions: 1, cleanup }]);
  const producer = await log.producer();
  const put = (key: string, value: string | null, timestamp = 1) =>
    producer.append('in', 0, [
      { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestamp },
    ]);
  return { clock, log, producer, put };
}

const compact: Cleanup = { policy: 'compact', tombstoneRetentionMs: 1000 };

test('retention removes what is older than the newest timestamp by more than its time', async (t) => {
  const { log, producer } = await openWith(t, { policy: 'delete', retentionMs: 100 });
  for (const time of [10, 20, 150, 90, 200]) await producer.append('in', 0, [text(`${time}`, time)]);
  assert.equal((await log.clean()).expiredBatches, 2);
  assert.deepEqual(
    values(await readToEnd(log, [at('in')])),
    ['150', '90', '200'],
    'a late one stays behind a newer one',
  );
  assert.deepEqual((await log.describeTopics())[0]?.offsets, [{ start: 2, stable: 5, end: 5 }]);
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 1 }]);
  await assert.rejects(consumer.poll(10), hasCode('MR_LOG_OFFSET_OUT_OF_RANGE'));
  await producer.append('in', 0, [text('1000', 1000)]);
  assert.equal((await log.clean()).expiredBatches, 3);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['1000']);
  assert.deepEqual(await log.offsetForTimestamp(at('in'), 0), 5);
});

test('retention leaves what a group has still to read', async (t) => {
  const { log, producer } = await openWith(t, { policy: 'delete', retentionMs: 100 });
  for (const time of [10, 20, 30]) await producer.append('in', 0, [text(`${time}`, time)]);
  await log.commitOffsets({ group: 'readers', memberId: '', generation: -1 }, [{ ...at('in'), offset: 1 }]);
  await producer.append('in', 0, [text('1000', 1000)]);
  assert.equal((await log.clean()).expiredBatches, 1);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['20', '30', '1000']);
});

test('a timestamp from the future makes nothing older than it is by the wall clock', async (t) => {
  const { clock, log, producer } = await openWith(t, { policy: 'delete', retentionMs: 100 });
  await producer.append('in', 0, [text('now', clock.nowMs)]);
  await producer.append('in', 0, [text('future', clock.nowMs + 86_400_000)]);
  assert.equal((await log.clean()).expiredBatches, 0);
  clock.nowMs += 101;
  assert.equal((await log.clean()).expiredBatches, 1);
});

test('retention of many batches goes in steps, and null keeps all', async (t) => {
  const { log, producer } = await openWith(t, { policy: 'delete', retentionMs: 10 });
  await log.createTopics([{ name: 'kept', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } }]);
  for (let i = 0; i < 400; i++) {
    await Promise.all([
      producer.append('in', 0, [text('old', 1)]),
      producer.append('kept', 0, [text('old', 1)]),
    ]);
  }
  await producer.append('in', 0, [text('new', 100)]);
  await producer.append('kept', 0, [text('new', 100)]);
  assert.equal((await log.clean()).expiredBatches, 400);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['new']);
  assert.equal((await readToEnd(log, [at('kept')])).length, 401);
});

test('compaction keeps the newest record of each key at its offset', async (t) => {
  const { log, put } = await openWith(t, compact);
  for (const [i, key] of ['a', 'b', 'a', 'c', 'b', 'a'].entries()) await put(key, `${key}${i}`);
  const before = await readToEnd(log, [at('in')]);
  const cleaned = await log.clean();
  assert.equal(cleaned.compactedRecords, 3);
  const after = await readToEnd(log, [at('in')]);
  assert.deepEqual(values(after), ['c3', 'b4', 'a5']);
  assert.deepEqual(after, before.slice(3));
  assert.deepEqual((await log.describeTopics())[0]?.offsets, [{ start: 0, stable: 6, end: 6 }]);
  assert.equal((await log.clean()).compactedRecords, 0);
  const { baseOffset } = await put('a', 'a6');
  assert.equal(baseOffset, 6);
});

test('batches that become one end where the last of them did, wherever they begin', async (t) => {
  const { log, put } = await openWith(t, compact);
  await put('large', 'x'.repeat(70_000));
  for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await put(key, key);
  await log.clean();
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 0 }]);
  const batches = [];
  while (consumer.position(at('in')) !== consumer.end(at('in'))) batches.push(...(await consumer.poll(100)));
  const found = batches.map((batch) => [
    batch.baseOffset,
    Array.from({ length: batch.count }, (_, i) => batch.offset(i)),
    batch.nextOffset,
  ]);
  assert.deepEqual(found, [
    [0, [0], 1],
    [1, [4, 5, 6], 7],
  ]);
});

test('a reader whose position has become a gap goes on, from wherever it stood', async (t) => {
  const { log, put } = await openWith(t, compact);
  for (let i = 0; i < 40; i++) await put(`${i % 4}`, `${i}`);
  const readers = [];
  for (let offset = 0; offset <= 40; offset++) {
    const consumer = await log.consumer();
    consumer.assign([{ ...at('in'), offset }]);
    readers.push({ consumer, offset });
  }
  await log.clean();
  for (const { consumer, offset } of readers) {
    const expected = [36, 37, 38, 39].filter((n) => n >= offset).map(String);
    assert.deepEqual(values(await readCount(consumer, expected.length)), expected);
    while (consumer.position(at('in')) !== consumer.end(at('in'))) await consumer.poll(0);
  }
  await put('new', 'new');
  for (const { consumer } of readers) assert.deepEqual(values(await readCount(consumer, 1)), ['new']);
});

test('a tombstone goes after its retention, counted from the first pass that saw it', async (t) => {
  const { clock, log, put } = await openWith(t, compact);
  await put('a', 'a0');
  await put('b', 'b1');
  await put('a', null);
  clock.nowMs += 10_000;
  await log.clean();
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['b1', null]);
  clock.nowMs += 999;
  await log.clean({ minDirtyRatio: 0 });
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['b1', null]);
  clock.nowMs += 2;
  assert.equal((await log.clean()).expiredTombstones, 1);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['b1']);
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 2 }]);
  assert.deepEqual(
    (await consumer.poll(1000)).map((batch) => [batch.count, batch.nextOffset]),
    [[0, 3]],
  );
  assert.equal(consumer.position(at('in')), consumer.end(at('in')));
});

test('passes over other records do not begin a tombstone’s life again', async (t) => {
  const { clock, log, put } = await openWith(t, compact);
  await put('a', 'a0');
  await put('a', null);
  await log.clean();
  for (const value of ['b0', 'b1', 'b2']) {
    clock.nowMs += 300;
    await put('b', value);
    await put('b', value);
    assert.equal((await log.clean({ minDirtyRatio: 0 })).expiredTombstones, 0);
  }
  clock.nowMs += 99;
  await put('b', 'b3');
  assert.equal((await log.clean({ minDirtyRatio: 0 })).expiredTombstones, 0, '1 ms before its time');
  clock.nowMs += 1;
  await put('b', 'b4');
  assert.equal((await log.clean({ minDirtyRatio: 0 })).expiredTombstones, 1);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['b4']);
});

test('whatever is appended between passes, the newest value of each key stays and the rest is never twice', async (t) => {
  const { clock, log, producer } = await openWith(t, compact);
  const model = new Map<string, ReadRecord>();
  let state = 7;
  const draw = (below: number) => {
    state = (state * 48271) % 0x7fffffff;
    return state % below;
  };
  for (let round = 0; round < 12; round++) {
    for (let i = 0; i < 20; i++) {
      const records = Array.from({ length: 1 + draw(8) }, () => ({
        key: Buffer.from(`k${draw(30)}`),
        value: draw(5) === 0 ? null : Buffer.alloc(draw(4) === 0 ? 9000 : 10, 97 + draw(20)),
        timestamp: draw(1000),
      }));
      const { baseOffset } = await producer.append('in', 0, records);
      for (const [j, { key, value, timestamp }] of records.entries()) {
        const plain = { key: key.toString(), value: value?.toString() ?? null, timestamp, headers: [] };
        model.set(plain.key, { ...at('in'), offset: baseOffset + j, ...plain });
      }
    }
    await log.clean({ minDirtyRatio: draw(2) });
    clock.nowMs += draw(1500);
    const read = await readToEnd(log, [at('in')]);
    const newest = new Map(read.map((record) => [record.key, record]));
    for (const [key, record] of model) {
      if (record.value !== null || newest.has(key)) assert.deepEqual(newest.get(key), record);
    }
    for (const record of read) assert.equal(model.has(record.key ?? ''), true);
    assert.equal(new Set(read.map((record) => record.offset)).size, read.length);
  }
});

test('of two cleaners at once one does the work', async (t) => {
  const { log, put } = await openWith(t, compact);
  for (let i = 0; i < 10; i++) await put('a', `${i}`);
  const passes = await Promise.all([log.clean(), log.clean()]);
  assert.deepEqual(passes.map((pass) => pass.skipped).sort(), [false, true]);
  assert.equal((await log.clean()).skipped, false, 'the lease was given back');
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['9']);
});

test('a pass ends where it stands when it is told to, and the next one need not wait for it', async (t) => {
  const { log, put } = await openWith(t, compact);
  for (let n = 0; n < 400; n++) await put(`key-${n % 2}`, String(n));
  const stop = new AbortController();
  const cleaning = log.clean({ signal: stop.signal });
  stop.abort();
  await assert.rejects(cleaning, { name: 'AbortError' });
  assert.equal((await log.clean()).compactedRecords, 398);
});
