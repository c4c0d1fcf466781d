import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { at, hasCode, keepForEver, readToEnd } from '../contract/opened.ts';
import type { Cleanup } from '../port.ts';
import { openEmbeddedLog } from './embedded-log.ts';

async function opened(t: TestContext, cleanup: Cleanup = keepForEver) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  await log.createTopics([{ name: 'in', partitions: 1, cleanup }]);
  const producer = await log.producer();
  /** A small event each, in batches of their own. */
  const append = async (count: number, from = 0) => {
    for (let i = from; i < from + count; i++) {
      const value = Buffer.from(
        JSON.stringify({ user: `user-${i % 7}`, item: `item-${i % 90}`, more: 'x'.repeat(200) }),
      );
      const headers = i % 3 === 0 ? [['trace', Buffer.from(`${i}`)] as const] : [];
      await producer.append('in', 0, [{ key: Buffer.from(`key-${i}`), value, timestamp: 1000 - i, headers }]);
    }
  };
  const database = new DatabaseSync(join(directory, 'log.sqlite'));
  t.after(() => database.close());
  const stored = () =>
    database.prepare('SELECT base_offset AS base, length(batch) AS bytes FROM records_1').all() as {
      base: number;
      bytes: number;
    }[];
  return { log, producer, append, database, stored };
}

const bytesOf = (rows: readonly { readonly bytes: number }[]) =>
  rows.reduce((sum, { bytes }) => sum + bytes, 0);

test('a pass merges and packs what a topic keeps, and every record is read as before from any offset', async (t) => {
  const { log, append, stored } = await opened(t);
  await append(600);
  const before = await readToEnd(log, [at('in')]);
  const bytesBefore = bytesOf(stored());
  await log.clean();
  assert.ok(bytesOf(stored()) < bytesBefore / 2, `${bytesOf(stored())} of ${bytesBefore} bytes`);
  assert.deepEqual(await readToEnd(log, [at('in')]), before);
  for (const offset of [1, 217, 430, 599]) {
    const consumer = await log.consumer();
    consumer.assign([{ ...at('in'), offset }]);
    const [batch] = await consumer.poll(1000);
    assert.equal(batch?.baseOffset, offset);
    assert.equal(batch?.key(0)?.toString(), `key-${offset}`);
    await consumer.close();
  }
  assert.equal(await log.offsetForTimestamp(at('in'), 1000), 0);
});

test('a run that is not full waits as it is, and no record is rewritten twice', async (t) => {
  const { log, append, stored } = await opened(t);
  await append(400);
  await log.clean();
  const once = stored();
  const packed = once.findIndex(({ base }, i) => once[i + 1]?.base === base + 1);
  assert.ok(packed > 0 && once.length - packed > 10, 'the last ones are single');
  await log.clean();
  assert.deepEqual(stored(), once);
  await append(400, 400);
  await log.clean();
  assert.deepEqual(stored().slice(0, packed), once.slice(0, packed));
  assert.ok(stored().length < 400);
  assert.deepEqual(
    (await readToEnd(log, [at('in')])).map(({ key }) => key),
    Array.from({ length: 800 }, (_, i) => `key-${i}`),
  );
});

test('batches that compaction keeps whole are packed, and stay readable to later passes', async (t) => {
  const { log, producer, stored } = await opened(t, { policy: 'compact', tombstoneRetentionMs: 1000 });
  const record = (key: string, fill: string) => ({
    key: Buffer.from(key),
    value: Buffer.from(fill.repeat(90_000)),
    timestamp: 1,
  });
  await producer.append('in', 0, [record('a', 'large ')]);
  await producer.append('in', 0, [record('b', 'other ')]);
  await log.clean();
  assert.ok(bytesOf(stored()) < 10_000);
  await producer.append('in', 0, [record('a', 'newer ')]);
  await log.clean({ minDirtyRatio: 0 });
  const read = await readToEnd(log, [at('in')]);
  assert.deepEqual(
    read.map(({ key, value, offset }) => [key, value?.slice(0, 5), offset]),
    [
      ['b', 'other', 1],
      ['a', 'newer', 2],
    ],
  );
});

test('what packing would make larger stays as it is', async (t) => {
  const { log, producer, stored } = await opened(t);
  const random = Buffer.from(
    Array.from({ length: 70_000 }, (_, i) => (Math.imul(i + 1, 0x9e3779b1) * (i | 1)) >>> 13),
  );
  for (let i = 0; i < 2; i++) await producer.append('in', 0, [{ key: null, value: random, timestamp: 1 }]);
  const before = stored();
  await log.clean();
  assert.ok((stored()[0]?.bytes ?? 0) <= (before[0]?.bytes ?? 0));
  assert.deepEqual((await readToEnd(log, [at('in')])).length, 2);
});

for (const [damage, at40] of [
  ['frame', `substr(batch, 1, 40) || x'FF00FF' || substr(batch, 44)`],
  ['length', `x'FFFF0000' || substr(batch, 5)`],
  ['length that is too small', `x'10000000' || substr(batch, 5)`],
] as const) {
  test(`a packed batch with a damaged ${damage} is reported`, async (t) => {
    const { log, append, database } = await opened(t);
    await append(400);
    await log.clean();
    database.exec(`UPDATE records_1 SET batch = CAST(${at40} AS BLOB) WHERE base_offset = 0`);
    await assert.rejects(readToEnd(log, [at('in')]), hasCode('MR_LOG_CORRUPT'));
  });
}

test('a batch packed by an earlier release, without a checksum, is read as before', async (t) => {
  const { log, append, database, stored } = await opened(t);
  await append(600);
  await log.clean();
  const before = await readToEnd(log, [at('in')]);
  const packed = database
    .prepare("SELECT base_offset AS base, batch FROM records_1 WHERE substr(batch, 5, 1) = x'03'")
    .all() as { base: number; batch: Uint8Array }[];
  assert.ok(packed.length > 0 && packed.length < stored().length);
  const write = database.prepare('UPDATE records_1 SET batch = ? WHERE base_offset = ?');
  for (const { base, batch } of packed)
    write.run(Buffer.concat([batch.subarray(0, 4), Buffer.from([2]), batch.subarray(9)]), base);
  assert.deepEqual(await readToEnd(log, [at('in')]), before);
  await append(600, 600);
  await log.clean();
  assert.deepEqual((await readToEnd(log, [at('in')])).slice(0, before.length), before);
});
