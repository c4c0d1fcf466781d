import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { jsonTopic } from '#engine/testing';
import type { PartitionOffsets } from '#log';
import { offsetsOf, pointOf, type Range } from './range.ts';

const views = { topic: jsonTopic('views', 2), isTable: false };
const users = { topic: jsonTopic('users', 1), isTable: true };

/** A log of which retention has taken the first offsets of views/1; the offset of a record is its time. */
const log = {
  describeTopics: async () => [
    { ...views.topic, offsets: [bounds(0, 10), bounds(4, 20)] },
    { ...users.topic, offsets: [bounds(3, 7)] },
  ],
  offsetForTimestamp: async ({ partition }: { partition: number }, time: number) =>
    Math.min(Math.max(time, partition === 1 ? 4 : 0), partition === 1 ? 20 : 10),
};

function bounds(start: number, end: number): PartitionOffsets {
  return { start, stable: end, end };
}

const asked = (range: Range, isPartial = false) =>
  offsetsOf({ log, inputs: [views, users], range, isPartial });

describe('range of a replay', () => {
  it('names everything that the log no longer has', async () => {
    await assert.rejects(asked({}), {
      code: 'MR_REPLAY_INPUT_GONE',
      message: 'The log no longer has views/1 offsets 0 to 3.',
    });
    await assert.rejects(asked({ from: { offset: 2 } }), { message: /views\/1 offsets 2 to 3\.$/ });
    await assert.rejects(asked({ from: { timeMs: 3 } }), {
      message: 'The log no longer has views/1 what came before offset 4 since 1970-01-01T00:00:00.003Z.',
    });
  });

  it('begins where the log begins if it may, and reads tables whole', async () => {
    const { starts, ends } = await asked({}, true);
    assert.deepEqual(
      starts.map(({ topic, partition, offset }) => `${topic}/${partition} ${offset}`),
      ['views/0 0', 'views/1 4', 'users/0 3'],
    );
    assert.deepEqual(ends, []);
  });

  it('takes an offset or a time of each partition', async () => {
    const { starts, ends } = await asked({ from: { offset: 5 }, to: { timeMs: 8 } });
    assert.deepEqual(
      starts.map(({ offset }) => offset),
      [5, 5, 3],
    );
    assert.deepEqual(
      ends.map(({ offset }) => offset),
      [8, 8],
    );
    await assert.rejects(asked({ from: { offset: 11 } }), {
      code: 'MR_REPLAY_RANGE',
      message: 'Offset 11 is not in views/0.',
    });
    await assert.rejects(asked({ from: { offset: 5 }, to: { offset: 11 } }), { code: 'MR_REPLAY_RANGE' });
    await assert.rejects(asked({ from: { offset: 9 }, to: { offset: 9 } }), /There are no records/);
  });

  it('reads what a user writes', () => {
    assert.deepEqual(pointOf('12'), { offset: 12 });
    assert.deepEqual(pointOf('1970-01-02'), { timeMs: 86_400_000 });
    assert.equal(pointOf('beginning'), undefined);
    for (const text of ['', '-1', '1.5', 'now', '2026-99-99'])
      assert.throws(() => pointOf(text), { code: 'MR_REPLAY_RANGE' });
  });
});
