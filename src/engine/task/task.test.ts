import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { type OffsetCommit, openSimulatedLog, RecordBuffer, StoredBatch } from '#log';
import { createLogger, createMetrics } from '#platform';
import { ManualClock } from '#platform/testing';
import { deadLetterTopic } from '../dead-letter-topic.ts';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import { json, jsonTopic } from '../testing/json-topic.ts';
import { readWatermarkHeader } from '../time/watermark.ts';
import { TopologyBuilder } from '../topology/builder.ts';
import { tumbling } from '../topology/windows/window.ts';
import { Task } from './task.ts';

const value = json<number>();

/** Windows of 10 ms that speak when they close, behind a repartition. */
async function world(t: TestContext) {
  const input = jsonTopic<number>('input');
  const builder = new TopologyBuilder({ name: 'task', generation: 1 });
  builder
    .source(input)
    .windowed(tumbling({ sizeMs: 10, graceMs: 0 }))
    .count('counts', { value, emit: 'on-close' })
    .toStream()
    .keyBy('by-count', (count) => `${count}`, { value });
  const {
    subTopologies: [subTopology],
    internalTopics,
  } = builder.build();
  assert.ok(subTopology !== undefined);
  const clock = new ManualClock(1_000);
  const log = openSimulatedLog({ clock, random: () => 0 });
  await log.createTopics(internalTopics);
  const producer = await log.producer();
  const databases = memoryDatabases();
  const deadLetters = await deadLetterTopic(log.registry);
  let offset = 0;
  const open = async (committed: readonly OffsetCommit[] = []) => {
    const task = await Task.open(subTopology, 0, new Map(committed.map((mark) => [mark.topic, mark])), {
      log,
      databases,
      clock,
      logger: createLogger({ level: 'silent', name: 'test' }),
      metrics: createMetrics(),
      deadLetters,
      onRecordError: 'fail',
      globalRows: () => assert.fail(),
      cacheEntries: 10,
    });
    t.after(() => task.close());
    const take = async (...timestamps: number[]) => {
      const records = timestamps.map((timestamp) => {
        return { key: Buffer.from('k'), value: Buffer.from('1'), timestamp };
      });
      for (const { bytes } of RecordBuffer.of(records).encode())
        task.buffer(new StoredBatch(input.name, 0, offset, bytes));
      offset += timestamps.length;
      for (const partition of task.input.partitions) partition.fetchedAll = true;
      while ((await task.process(100)) > 0);
    };
    /** The offsets of a commit, what it writes to the repartition topic, and the watermark with it. */
    const commit = async () => {
      const offsets = await task.collect();
      const appends = [...task.outbox.appends()];
      const { records = [] } = appends.find(({ topic }) => topic.endsWith('repartition')) ?? {};
      const [written] = RecordBuffer.of([...records]).encode();
      const batch = written && new StoredBatch('repartition', 0, 0, written.bytes);
      const last = (batch?.count ?? 0) - 1;
      const watermark = batch && readWatermarkHeader(batch, last)?.ms;
      const rows = batch ? Array.from({ length: batch.count }, (_, i) => batch.keyText(i)) : [];
      const appended = appends.map((each) => producer.append(each.topic, each.partition, each.records));
      await task.commit(await Promise.all(appended));
      task.outbox.clear();
      return { offsets, watermark, rows: rows.filter((key) => key !== null) };
    };
    return { task, take, commit, input: task.input.partitions[0] };
  };
  return { open };
}

it('announces the watermark that its operators have seen, held back by what they still have to emit', async (t) => {
  const { open } = await world(t);
  const { task, take, commit, input } = await open();
  await take(3, 15);
  const first = await commit();
  assert.deepEqual(
    [first.rows, first.watermark],
    [['1'], 15],
    'the window from 10 on holds its first record’s time',
  );
  input?.watermark.followWallClock(1_000);
  assert.ok(task.input.hasAdvanced);
  assert.equal((await commit()).watermark, undefined, 'nothing of it has been seen');
  await task.process(100);
  const second = await commit();
  assert.deepEqual([second.rows, second.watermark], [['1'], 1_000]);
});

it('opens with the watermark that its predecessor’s operators had seen, and what they held', async (t) => {
  const { open } = await world(t);
  const { task, take, commit, input } = await open();
  await take(3, 15, 18);
  input?.watermark.followWallClock(1_000);
  const { offsets } = await commit();
  await task.close();
  const successor = await open(offsets);
  assert.ok(successor.task.input.hasAdvanced, 'time that passed before the commit has still to be seen');
  assert.equal((await successor.commit()).watermark, 15);
  await successor.task.process(100);
  const { rows, watermark } = await successor.commit();
  assert.deepEqual([rows, watermark], [['2'], 1_000]);
});
