import assert from 'node:assert/strict';
import { test } from 'node:test';
import { testSeed } from '#platform/testing';
import { openConsumer } from './kafka-consumer.ts';
import { at, createTopic, readToEnd, type TestCluster, testCluster } from './testing/test-cluster.ts';
import { WireProducer } from './testing/wire-producer.ts';

const STEPS = 250;
/** Makes the history some dozen times as large as one answer. */
const PADDING = '.'.repeat(400);

type Written = { readonly offset: number; readonly value: string; isReadable: boolean };

/** Mulberry32. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000) * below);
  };
}

/** Transactions of three producers, committed and aborted at random, and a plain producer, all in one partition. */
async function writeHistory(opened: TestCluster, random: (below: number) => number): Promise<Written[]> {
  await createTopic(opened, 'history');
  const { cluster } = opened;
  const transactional = await Promise.all(['a', 'b', 'c'].map((id) => WireProducer.open(cluster, id)));
  const plain = await WireProducer.open(cluster);
  const open: Written[][] = transactional.map(() => []);
  const written: Written[] = [];
  let records = 0;
  const append = async (producer: WireProducer, most: number, isReadable: boolean) => {
    const values = Array.from({ length: 1 + random(most) }, () => `${records++}${PADDING}`);
    const base = await producer.append('history', 0, values);
    const appended = values.map((value, i) => ({ offset: base + i, value, isReadable }));
    written.push(...appended);
    return appended;
  };
  const end = async (who: number, isCommit: boolean) => {
    const producer = transactional[who] as WireProducer;
    await (isCommit ? producer.commit() : producer.abort());
    for (const record of open[who]?.splice(0) ?? []) record.isReadable = isCommit;
  };
  for (let step = 0; step < STEPS; step++) {
    const who = random(4);
    const producer = transactional[who];
    if (producer === undefined) await append(plain, 3, true);
    else if (random(3) > 0) open[who]?.push(...(await append(producer, 20, false)));
    else await end(who, random(2) > 0);
  }
  await Promise.all(transactional.map((_, who) => end(who, false)));
  return written;
}

test('what is read of interleaved transactions is what Java’s consumer reads', async (t) => {
  const opened = await testCluster(t);
  if (opened === undefined) return;
  t.diagnostic(`seed ${testSeed}`);
  const random = seeded(testSeed);
  const written = await writeHistory(opened, random);
  const readable = written.filter(({ isReadable }) => isReadable);
  assert.ok(readable.length > 0 && readable.length < written.length);

  const { cluster, prefix, run } = opened;
  const place = at('history');
  // The least that a consumer fetches: its requests begin anywhere in the history.
  const consumer = await openConsumer(cluster, { maxBytes: 1 });
  consumer.assign([{ ...place, offset: 0 }]);
  const values = await readToEnd(consumer, place);
  assert.deepEqual(
    values,
    readable.map(({ value }) => value),
  );

  const end = consumer.end(place) ?? 0;
  for (let i = 0; i < 25; i++) {
    const offset = random(end + 1);
    consumer.assign([{ ...place, offset }]);
    const expected = readable.filter((record) => record.offset >= offset);
    assert.deepEqual(
      await readToEnd(consumer, place),
      expected.map(({ value }) => value),
      `from ${offset}, seed ${testSeed}`,
    );
  }
  await consumer.close();

  const all = await openConsumer(cluster, { isolation: 'read-uncommitted' });
  all.assign([{ ...place, offset: 0 }]);
  assert.equal((await readToEnd(all, place)).length, written.length);
  await all.close();

  // Java's consumer ends with what stands behind everything, and not after a time without records.
  await (await WireProducer.open(cluster)).append('history', 0, ['last']);
  const printed = await run('kafka-console-consumer', [
    ...['--topic', `${prefix}history`, '--partition', '0', '--offset', 'earliest'],
    ...['--isolation-level', 'read_committed', '--timeout-ms', '60000'],
    ...['--max-messages', String(readable.length + 1)],
  ]);
  assert.deepEqual(printed.trimEnd().split('\n'), [...values, 'last']);
});
