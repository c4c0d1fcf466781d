import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { boundedLog } from './bounded-log.ts';

const topic = { name: 'numbers', partitions: 1, cleanup: { policy: 'delete', retentionMs: null } } as const;
const place = { topic: 'numbers', partition: 0 };

/** A log of this many records, read within bounds; `used` and `passed` are turned by hand. */
async function bounded(records: number, end: number, share = 1) {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0 });
  await log.createTopics([topic]);
  const producer = await log.producer();
  const write = (count: number) =>
    producer.append(
      'numbers',
      0,
      Array.from({ length: count }, () => ({ key: null, value: Buffer.from('x'), timestamp: 1 })),
    );
  await write(records);
  const time = { used: 0, passed: 0, slept: [] as number[] };
  const clock = {
    now: () => time.passed,
    monotonic: () => time.passed,
    sleep: async (ms: number) => {
      time.slept.push(ms);
      time.passed += ms;
    },
  };
  const ends = [{ ...place, offset: end }];
  const consumer = await boundedLog(log, { ends, share, clock, usedMs: () => time.used }).consumer();
  consumer.assign([{ ...place, offset: 0 }]);
  return { consumer, write, time };
}

describe('bounded log', () => {
  it('ends before an offset, whatever comes after it', async () => {
    const { consumer, write } = await bounded(5, 3);
    const read = async () =>
      (await consumer.poll(5)).flatMap((batch) =>
        Array.from({ length: batch.count }, (_, i) => batch.offset(i)),
      );
    assert.deepEqual(await read(), [0, 1, 2]);
    assert.deepEqual([consumer.position(place), consumer.end(place)], [3, 3]);
    await write(4);
    consumer.resume([place]);
    assert.deepEqual(await read(), []);
    assert.deepEqual([consumer.position(place), consumer.end(place)], [3, 3]);
  });

  it('follows the log up to an end that it has not reached', async () => {
    const { consumer, write } = await bounded(2, 4);
    assert.equal((await consumer.poll(5))[0]?.count, 2);
    assert.equal(consumer.end(place), 2);
    await write(5);
    assert.equal((await consumer.poll(5))[0]?.count, 2);
    assert.equal(consumer.position(place), 4);
  });

  it('pauses for the processor time beyond its share, in bounded parts, and saves none up', async () => {
    const { consumer, time } = await bounded(1, 9, 0.25);
    await consumer.poll(5);
    time.used += 100;
    time.passed += 100;
    await consumer.poll(5);
    assert.deepEqual(time.slept, [250]);
    await consumer.poll(5);
    assert.deepEqual(time.slept, [250, 50]);
    time.passed += 60_000;
    await consumer.poll(5);
    time.used += 10;
    time.passed += 10;
    await consumer.poll(5);
    assert.deepEqual(time.slept, [250, 50, 30]);
  });
});
