import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import type { MovedOffsets } from '#engine';
import { openSimulatedLog, type SimulatedLog } from '#log';
import { systemClock } from '#platform';
import { findMoved } from './moved-log.ts';

const at = { topic: 'topic', partition: 0 };

/** Records of these keys, by offset; undefined stands for offsets that hold none. */
async function logOf(t: TestContext, keys: readonly (string | undefined)[]): Promise<SimulatedLog> {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  t.after(() => log.close());
  await log.createTopics([
    { name: at.topic, partitions: 1, cleanup: { policy: 'delete', retentionMs: null } },
  ]);
  const [producer, aborting] = [await log.producer(), await log.transactionalProducer('gaps')];
  let end = 0;
  for (const [offset, key] of keys.entries()) {
    if (offset < end) continue;
    if (key !== undefined) {
      const records = [{ key: Buffer.from(key), value: null, timestamp: 0 }];
      end = (await producer.append(at.topic, 0, records)).nextOffset;
      continue;
    }
    // Takes two offsets: the record's and the marker's.
    aborting.append(at.topic, 0, [{ key: null, value: null, timestamp: 0 }]);
    await aborting.abort();
    end += 2;
  }
  return log;
}

async function moved(
  t: TestContext,
  options: {
    readonly from: readonly (string | undefined)[];
    readonly to: readonly (string | undefined)[];
    readonly compacted: boolean;
  },
): Promise<MovedOffsets> {
  return findMoved({
    from: await logOf(t, options.from),
    to: await logOf(t, options.to),
    at,
    compacted: options.compacted,
    here: { from: 0, to: options.from.length },
    there: { from: 0, to: options.to.length },
    signal: new AbortController().signal,
  });
}

const gap = [undefined, undefined];

it('finds records after gaps on either side, and positions after the record before', async (t) => {
  const from = [...gap, 'a', 'b', ...gap, 'c'];
  const to = ['a', ...gap, 'b', 'c', ...gap];
  const { position, run } = await moved(t, { from, to, compacted: false });
  assert.deepEqual([0, 2, 3, 4, 6, 7, 9].map(position), [0, 0, 1, 4, 4, 5, 5]);
  assert.deepEqual(run(2, 6, 3), { first: 0, last: 4 });
  assert.deepEqual(run(3, 3, 1), { first: 3, last: 3 });
  assert.equal(run(4, 6, 1), undefined, 'nothing lies at 4');
  assert.equal(run(2, 6, 2), undefined, 'one more than was taken');
});

it('counts from the newest where retention has taken the oldest of one side', async (t) => {
  const [all, kept] = [
    ['a', 'b', 'c', 'd'],
    ['c', 'd'],
  ];
  const fewer = await moved(t, { from: all, to: kept, compacted: false });
  assert.deepEqual([0, 1, 2, 3, 4].map(fewer.position), [0, 0, 0, 1, 2]);
  assert.equal(fewer.run(1, 2, 2), undefined);
  assert.deepEqual(fewer.run(2, 3, 2), { first: 0, last: 1 });
  const more = await moved(t, { from: kept, to: all, compacted: false });
  assert.deepEqual([0, 1, 2].map(more.position), [2, 3, 4]);
  assert.deepEqual(more.run(0, 1, 2), { first: 2, last: 3 });
});

it('counts by key where compaction has taken others on either side', async (t) => {
  const from = ['a', 'b', ...gap, 'c', 'a'];
  const to = ['b', 'x', 'c', 'a'];
  const { position, run } = await moved(t, { from, to, compacted: true });
  assert.deepEqual(
    [0, 1, 2, 5, 6].map(position),
    [0, 0, 2, 3, 4],
    'what only the target has counts as taken',
  );
  assert.equal(run(0, 1, 2), undefined, 'the first a is gone');
  assert.deepEqual(run(1, 1, 1), { first: 0, last: 0 });
  assert.deepEqual(run(4, 5, 2), { first: 2, last: 3 });
});

it('has nothing to say of records where nothing was copied', async (t) => {
  const { position, run } = await moved(t, { from: [], to: [], compacted: false });
  assert.equal(position(7), 0);
  assert.equal(run(0, 0, 1), undefined);
});
