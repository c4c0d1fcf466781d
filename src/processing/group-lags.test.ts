import assert from 'node:assert/strict';
import { it } from 'node:test';
import { idleMember, openSimulatedLog } from '#log';
import { systemClock } from '#platform';
import { groupLags } from './group-lags.ts';

async function world() {
  const log = openSimulatedLog({ clock: systemClock, random: Math.random });
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  await log.createTopics([
    { name: 'a', partitions: 2, cleanup },
    { name: 'b', partitions: 1, cleanup },
  ]);
  const producer = await log.producer();
  const records = [100, 200, 300].map((timestamp) => ({ key: null, value: Buffer.from('v'), timestamp }));
  await producer.append('a', 0, records);
  await producer.append('a', 1, records);
  const commit = (group: string, topic: string, partition: number, offset: number) =>
    log.commitOffsets(idleMember(group), [{ topic, partition, offset }]);
  return { log, commit };
}

it('a lag is what is readable and not committed, and as old as its first record', async () => {
  const { log, commit } = await world();
  await commit('g', 'a', 0, 1);
  await commit('g', 'a', 1, 3);
  await commit('f', 'b', 0, 0);
  const lags = await groupLags(log, 1_000);
  const [a0, a1] = [
    { topic: 'a', partition: 0, committed: 1, end: 3, lag: 2, behindMs: 800 },
    { topic: 'a', partition: 1, committed: 3, end: 3, lag: 0, behindMs: 0 },
  ];
  const b = { topic: 'b', partition: 0, committed: 0, end: 0, lag: 0, behindMs: 0 };
  assert.deepEqual(lags, [
    { group: 'f', lag: 0, behindMs: 0, partitions: [b] },
    { group: 'g', lag: 2, behindMs: 800, partitions: [a0, a1] },
  ]);
  assert.deepEqual(await groupLags(log, 1_000, ['h']), [
    { group: 'h', lag: 0, behindMs: null, partitions: [] },
  ]);
});

it('offsets beyond the end, and records of the future, are no lag below zero', async () => {
  const { log, commit } = await world();
  await commit('g', 'a', 0, 99);
  await commit('g', 'a', 1, 0);
  const [group] = await groupLags(log, 50);
  assert.deepEqual(
    group?.partitions.map(({ lag, behindMs }) => [lag, behindMs]),
    [
      [0, 0],
      [3, 0],
    ],
  );
});
