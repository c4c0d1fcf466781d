import assert from 'node:assert/strict';
import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { it } from 'node:test';
import { TopicReader } from '#engine';
import { temporaryDirectory } from '#platform/testing';
import type { Interaction } from '#schemas';
import { archiveNow } from './archive.ts';
import { ArchiveWriter } from './archive-writer.ts';
import { withDuckDb } from './duckdb.ts';
import { openOffline, type PartitionStretch } from './reading.ts';
import {
  accept,
  announce,
  archivedEvents,
  archivedWorld,
  ask,
  DAY_MS,
  events,
  startMs,
} from './testing/archived-world.ts';

it('refuses a file that is truncated, altered or gone, by its name', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 50));
  await archiveNow(world.options);
  const store = await openOffline(world);
  const [file] = store.files('events');
  assert.ok(file !== undefined);
  const path = store.path(file);
  const bytes = readFileSync(path);
  const refuses = async (code: string) => {
    const names = (error: Error) => error.message.includes(path);
    await assert.rejects(archivedEvents(t, world), (error: Error & { code?: string }) => {
      return error.code === code && names(error);
    });
    await assert.rejects(ask(world, 'SELECT 1 FROM user_features'), { code });
  };
  truncateSync(path, bytes.length - 1);
  await refuses('MR_OFFLINE_FILE_CORRUPT');
  const altered = Buffer.from(bytes);
  const middle = Math.floor(bytes.length / 2);
  altered[middle] = (altered[middle] ?? 0) ^ 1;
  writeFileSync(path, altered);
  await refuses('MR_OFFLINE_FILE_CORRUPT');
  rmSync(path);
  await refuses('MR_OFFLINE_FILE_MISSING');
  await assert.rejects(archivedEvents(t, world), { hint: /option storage/ });
  assert.deepEqual(await ask(world, 'SELECT 1 AS one'), [{ one: 1 }], 'what is not read');
  writeFileSync(path, bytes);
  assert.equal((await archivedEvents(t, world)).length, 50);
});

it('gives the records of a stretch as the log gave them', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 700));
  await announce(world, startMs + DAY_MS);
  const topic = world.topics['interactions-accepted'];
  const reader = await TopicReader.open(world.log, topic, { from: 'start' });
  const logged = [];
  for await (const records of reader.untilEnd()) logged.push(...records);
  await reader.close();
  await archiveNow({ ...world.options, flushRecords: 200 });

  const store = await openOffline(world);
  const { offsets } = store.progress('interactions-accepted');
  const read = (stretches: readonly PartitionStretch[]) =>
    withDuckDb(temporaryDirectory(t), async (database) => {
      const found = [];
      for await (const some of store.records<Interaction>(database, 'interactions-accepted', stretches))
        found.push(...some);
      return found;
    });
  const inOrder = logged.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  assert.deepEqual(
    await read(offsets.map((to, partition) => ({ partition, from: 0, to })).reverse()),
    inOrder,
  );
  const stretch = { partition: 2, from: 60, to: 121 };
  assert.deepEqual(
    await read([stretch]),
    inOrder.filter(({ partition, offset }) => partition === 2 && offset >= 60 && offset < 121),
  );
  const ranges = store.files('events').flatMap((file) => file.offsets);
  assert.ok(ranges.length > 3);
  for (const { partition, start, end } of ranges) {
    for (const from of [start, end - 1]) {
      const expected = inOrder.filter((record) => record.partition === partition && record.offset === from);
      assert.deepEqual(await read([{ partition, from, to: from + 1 }]), expected, 'at the ends of a file');
    }
  }
  const beyond = { partition: 0, from: 0, to: (offsets[0] ?? 0) + 1 };
  await assert.rejects(read([beyond]), { code: 'MR_OFFLINE_INCOMPLETE' });
});

it('reads files that were written before a field was there', async (t) => {
  const world = await archivedWorld(t);
  await accept(world, events(0, 1));
  await archiveNow(world.options);
  await ArchiveWriter.with(world.options, 'archive', async (writer) => {
    const written = writer.batch();
    await written.write(writer.database, {
      table: 'events',
      date: '2026-01-01',
      offsets: [],
      schema: 'of older events',
      select: `SELECT 'old' AS event_id, 'u1' AS user_id, 'view' AS kind, {device: 'tv'} AS context, 7::BIGINT AS ts,
        0 AS log_partition, 0::BIGINT AS log_offset, 7::BIGINT AS log_timestamp`,
    });
    await writer.transactions.commit({ written });
  });
  const asked = await ask(world, 'SELECT event_id, item, context FROM events ORDER BY ts LIMIT 1');
  assert.deepEqual(asked, [
    { event_id: 'old', item: null, context: { device: 'tv', country: null, language: null } },
  ]);
});
