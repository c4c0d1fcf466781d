import assert from 'node:assert/strict';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { type TestContext, test } from 'node:test';
import { seededRandom } from '#models';
import { systemClock } from '#platform';
import { temporaryDirectory, testSeed } from '#platform/testing';
import { text } from '../contract/opened.ts';
import { openEmbeddedLog } from './embedded-log.ts';

/** How many bits of batches are flipped, one at a time. */
const FLIPS = 100;

/** A log with small batches, merged and packed ones, and compacted ones, and a second connection to damage it through. */
async function written(t: TestContext) {
  const directory = temporaryDirectory(t);
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  await log.createTopics([
    { name: 'kept', partitions: 2, cleanup: { policy: 'delete', retentionMs: 1_000_000 } },
    { name: 'fresh', partitions: 1, cleanup: { policy: 'delete', retentionMs: 1_000_000 } },
    { name: 'newest', partitions: 1, cleanup: { policy: 'compact', tombstoneRetentionMs: 1_000 } },
  ]);
  const producer = await log.producer();
  for (let i = 0; i < 40; i++) {
    await producer.append('kept', i % 2, [text(`a record that packs ${'well '.repeat(900)}${i}`, i)]);
    await producer.append('newest', 0, [
      { key: Buffer.from(`k${i % 3}`), value: Buffer.from(`${i}`), timestamp: i },
    ]);
  }
  await log.clean({ minDirtyRatio: 0 });
  for (let i = 0; i < 20; i++) await producer.append('fresh', 0, [text(`fresh ${i}`, i)]);
  const database = new DatabaseSync(join(directory, 'log.sqlite'));
  t.after(() => database.close());
  const tables = database.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'records_%'").all();
  return { log, database, tables: tables.map(({ name }) => String(name)) };
}

test(`a check finds each of ${FLIPS} flipped bits in batches and in the columns beside them`, async (t) => {
  const random = seededRandom(testSeed);
  const { log, database, tables } = await written(t);
  const sound = await log.check();
  assert.deepEqual(sound.problems, []);
  assert.ok(sound.batches >= 23);
  const rows = tables.flatMap((table) =>
    database
      .prepare(`SELECT base_offset, batch FROM ${table}`)
      .all()
      .map(({ base_offset, batch }) => ({
        table,
        base: Number(base_offset),
        batch: Buffer.from(batch as Uint8Array),
      })),
  );
  for (let i = 0; i < FLIPS; i++) {
    const { table, base, batch } = rows[random.integer(rows.length)] ?? assert.fail();
    const bit = random.integer(8 * batch.length);
    const flipped = Buffer.from(batch);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    const write = database.prepare(`UPDATE ${table} SET batch = ? WHERE base_offset = ?`);
    write.run(flipped, base);
    const { problems } = await log.check();
    assert.equal(problems.length, 1, `bit ${bit} of ${table} at ${base}, seed ${testSeed}`);
    write.run(batch, base);
  }
  for (const column of ['next_offset', 'newest']) {
    const { table, base } = rows[random.integer(rows.length)] ?? assert.fail();
    const add = (one: number) =>
      database.prepare(`UPDATE ${table} SET ${column} = ${column} + ? WHERE base_offset = ?`).run(one, base);
    add(4);
    assert.notDeepEqual(
      (await log.check()).problems,
      [],
      `${column} of ${table} at ${base}, seed ${testSeed}`,
    );
    add(-4);
  }
  assert.deepEqual(await log.check(), sound);
});

test('a check finds batches that are gone, and reads a share of them on request', async (t) => {
  const { log, database } = await written(t);
  const { batches } = await log.check();
  const half = await log.check({ sample: { share: 0.5, random: seededRandom(1).uniform } });
  assert.ok(half.batches > 0 && half.batches < batches);
  const fresh = database
    .prepare("SELECT p.id FROM topics t JOIN partitions p ON p.topic = t.id WHERE t.name = 'fresh'")
    .get();
  database.exec(`DELETE FROM records_${fresh?.id} WHERE base_offset IN (7, 19)`);
  assert.deepEqual((await log.check()).problems, [
    'fresh/0 offset 7: no batch up to 8',
    'fresh/0 offset 19: no batch up to 20',
  ]);
});
