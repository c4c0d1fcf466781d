import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Log } from '#log';
import { ManualClock } from '#platform/testing';
import { jsonTopic } from '../../testing/json-topic.ts';
import { TopologyBuilder } from '../../topology/builder.ts';
import type { Task } from '../task.ts';
import { IdleInputs } from './idle-inputs.ts';
import { TaskInput } from './input.ts';

const IDLE_MS = 5_000;
const HOUR_MS = 3_600_000;
const NOW = 1_000_000_000;
const OUT_OF_ORDER_MS = 40;

/** An input that has been read to its end, its newest record `ageMs` old, and the watermark that it comes to. */
function open({ ageMs = 0, idleWaitMs = 0 } = {}) {
  const clock = new ManualClock(NOW);
  const topic = jsonTopic<number>('events');
  const builder = new TopologyBuilder({ name: 'idle', generation: 1 });
  builder.source(topic, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } }).to(jsonTopic<number>('copies'));
  const input = new TaskInput(builder.build().subTopologies[0]?.sources ?? []);
  const [partition] = input.partitions;
  assert.ok(partition !== undefined);
  partition.watermark.observe(NOW - ageMs);
  partition.fetchedAll = true;
  const idle = new IdleInputs();
  /** Offset behind the last record of the partition; nobody else has anything newer. */
  const end = { stable: 0 };
  const log = {
    describeTopics: async () => [
      { name: 'events', partitions: 1, offsets: [{ start: 0, end: end.stable, stable: end.stable }] },
    ],
    offsetForTimestamp: async () => end.stable,
  } as unknown as Log;
  const world = { clock, log, idleWaitMs };
  /** The watermark, `ms` after the beginning. */
  const after = async (ms: number) => {
    await clock.advance(NOW + ms - clock.now());
    await idle.followWallClock([{ input, partition: 0 } as unknown as Task], world);
    return partition.watermark.value;
  };
  return {
    partition,
    end,
    seen: () => idle.sawRecords(partition, NOW),
    after,
    before: partition.watermark.value,
  };
}

describe('an input that has fallen silent follows the wall clock', () => {
  it('after five seconds, and not a millisecond before', async () => {
    const { seen, after, before } = open();
    seen();
    assert.equal(await after(IDLE_MS - 1), before);
    assert.equal(await after(IDLE_MS), NOW + IDLE_MS - OUT_OF_ORDER_MS);
    assert.equal(await after(IDLE_MS + 1), NOW + IDLE_MS - OUT_OF_ORDER_MS, 'it has just moved');
  });

  it('later where its tasks wait for it longer', async () => {
    const { seen, after, before } = open({ idleWaitMs: 9_000 });
    seen();
    assert.equal(await after(8_999), before);
    assert.equal(await after(9_000), NOW + 9_000 - OUT_OF_ORDER_MS);
  });

  it('not while it has records that are not processed, or more in the log', async () => {
    const { seen, after, before, partition } = open();
    seen();
    partition.bufferedRecords = 1;
    assert.equal(await after(IDLE_MS), before);
    partition.bufferedRecords = 0;
    partition.fetchedAll = false;
    assert.equal(await after(IDLE_MS), before);
    partition.fetchedAll = true;
    assert.notEqual(await after(IDLE_MS), before);
  });

  it('not while the log has more than the last fetch told of', async () => {
    const { seen, after, before, partition, end } = open();
    seen();
    end.stable = 1;
    assert.equal(
      await after(IDLE_MS),
      before,
      'what was written meanwhile may be as old as what was read before',
    );
    partition.fetchPosition = 1;
    assert.notEqual(await after(IDLE_MS), before);
  });

  it('counted from when it is first looked at: how long it had been silent then is not known', async () => {
    const { after, before } = open();
    assert.equal(await after(1_000), before);
    assert.equal(await after(1_000 + IDLE_MS - 1), before);
    assert.notEqual(await after(1_000 + IDLE_MS), before);
  });

  it('only in a world whose newest event is at most an hour old', async () => {
    const live = open({ ageMs: HOUR_MS - IDLE_MS });
    live.seen();
    assert.equal(await live.after(IDLE_MS), NOW + IDLE_MS - OUT_OF_ORDER_MS);
    const imported = open({ ageMs: HOUR_MS - IDLE_MS + 1 });
    imported.seen();
    assert.equal(await imported.after(IDLE_MS), imported.before);
  });
});
