import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '#platform';
import { ManualClock } from '#platform/testing';
import {
  at,
  compact,
  hasCode,
  keepForEver,
  readCount,
  readToEnd,
  readToStable,
  text,
  values,
} from '../contract/opened.ts';
import { openSimulatedLog } from './simulated-log.ts';

/** Without delays, so that what is tested here stands alone. */
const open = () => openSimulatedLog({ clock: systemClock, random: () => 0 });

const spec = { name: 'in', partitions: 2, cleanup: keepForEver };
const uncommitted = { isolation: 'read-uncommitted' } as const;

test('a transaction ends with a control record: offsets have gaps, which a batch without records passes over', async () => {
  const log = open();
  await log.createTopics([spec]);
  const producer = await log.transactionalProducer('id');
  for (const name of ['a', 'b']) {
    producer.append('in', 0, [text(name)]);
    await producer.commit();
  }
  assert.deepEqual(
    (await readToEnd(log, [at('in')])).map((record) => record.offset),
    [0, 2],
  );
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 1 }]);
  const batches = await consumer.poll(0);
  assert.deepEqual(
    batches.map((batch) => [batch.count, batch.baseOffset, batch.nextOffset]),
    [
      [0, 1, 2],
      [1, 2, 3],
      [0, 3, 4],
    ],
  );
  await log.close();
});

test('aborted records lie in the log; only read-uncommitted readers see them', async () => {
  const log = open();
  await log.createTopics([spec]);
  const producer = await log.transactionalProducer('id');
  producer.append('in', 0, [text('aborted')]);
  await producer.abort();
  producer.append('in', 0, [text('committed')]);
  await producer.commit();
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['committed']);
  assert.deepEqual(values(await readToEnd(log, [at('in')], uncommitted)), ['aborted', 'committed']);
  await log.close();
});

test('an open transaction holds the stable offset back, also for what others append after it', async () => {
  const log = open();
  await log.createTopics([spec]);
  const transactional = await log.transactionalProducer('id');
  const reader = await log.consumer(uncommitted);
  reader.assign([{ ...at('in'), offset: 0 }]);
  transactional.append('in', 0, [text('open')]);
  await readCount(reader, 1);
  const producer = await log.producer();
  await producer.append('in', 0, [text('plain')]);
  assert.deepEqual((await log.describeTopics())[0]?.offsets[0], { start: 0, stable: 0, end: 2 });
  assert.deepEqual(values(await readToStable(log, [at('in')])), []);
  await transactional.commit();
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['open', 'plain']);
  await log.close();
});

test('a commit shows in one partition before the other; offsets are awaited until it is through', async () => {
  const clock = new ManualClock();
  // Each message is quicker than the one before: the reader hears of the first partition before the second is through.
  let slowness = 1;
  const log = openSimulatedLog({ clock, random: () => (slowness *= 0.95), maxDelayMs: 40 });
  const run = async <T>(promise: Promise<T>): Promise<T> => {
    let done = false;
    const end = promise.finally(() => {
      done = true;
    });
    while (!done) await clock.advance(1);
    return end;
  };
  await run(log.createTopics([spec]));
  const producer = await run(log.transactionalProducer('id'));
  producer.append('in', 0, [text('a')]);
  producer.append('in', 1, [text('b')]);
  producer.sendOffsets({ group: 'g', memberId: '', generation: -1 }, [{ ...at('in'), offset: 7 }]);
  const consumer = await log.consumer();
  consumer.assign([
    { ...at('in', 0), offset: 0 },
    { ...at('in', 1), offset: 0 },
  ]);
  let committed = false;
  const commit = producer.commit().then(() => {
    committed = true;
  });
  const first = await run(consumer.poll(10_000));
  assert.deepEqual(
    first.filter((batch) => batch.count > 0).map((batch) => batch.partition),
    [0],
  );
  assert.equal(committed, false);
  assert.deepEqual(await run(log.committedOffsets('g', [at('in')])), [{ ...at('in'), offset: 7 }]);
  const second = await run(consumer.poll(10_000));
  assert.deepEqual(
    second.filter((batch) => batch.count > 0).map((batch) => batch.partition),
    [1],
  );
  await run(commit);
  await run(log.close());
});

test('a process that is killed leaves its transaction open until its successor fences it', async () => {
  const log = open();
  await log.createTopics([spec]);
  const doomed = log.connect();
  const zombie = await doomed.transactionalProducer('id');
  zombie.append('in', 0, [text('of the dead')]);
  const reader = await log.consumer(uncommitted);
  reader.assign([{ ...at('in'), offset: 0 }]);
  await readCount(reader, 1);
  doomed.kill();
  await assert.rejects(doomed.describeTopics(), hasCode('MR_LOG_CLOSED'));
  assert.equal((await log.describeTopics())[0]?.offsets[0]?.stable, 0);
  await log.transactionalProducer('id');
  const offsets = (await log.describeTopics())[0]?.offsets[0];
  assert.equal(offsets?.stable, offsets?.end);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), []);
  await log.close();
});

test('a transaction whose producer is silent is aborted after its timeout, and its producer fenced', async () => {
  const clock = new ManualClock();
  const log = openSimulatedLog({ clock, random: () => 0 });
  await log.createTopics([spec]);
  const producer = await log.transactionalProducer('id');
  producer.append('in', 0, [text('silent')]);
  await clock.advance(59_999);
  assert.equal((await log.describeTopics())[0]?.offsets[0]?.stable, 0);
  await clock.advance(1);
  await log.describeTopics();
  const offsets = (await log.describeTopics())[0]?.offsets[0];
  assert.equal(offsets?.stable, offsets?.end);
  await assert.rejects(producer.commit(), hasCode('MR_LOG_FENCED'));
  await log.close();
});

test('an append fails on demand, retryably, having written nothing; a transaction is aborted by it', async () => {
  const log = open();
  await log.createTopics([spec]);
  const producer = await log.producer();
  log.faults.failNextAppends(2);
  await assert.rejects(producer.append('in', 0, [text('a')]), {
    code: 'MR_LOG_UNAVAILABLE',
    remedy: 'retry',
  });
  const transactional = await log.transactionalProducer('id');
  transactional.append('in', 1, [text('b')]);
  await assert.rejects(transactional.commit(), { code: 'MR_LOG_UNAVAILABLE' });
  await producer.append('in', 0, [text('again')]);
  transactional.append('in', 1, [text('again')]);
  await transactional.commit();
  assert.deepEqual(values(await readToEnd(log, [at('in', 0), at('in', 1)])), ['again', 'again']);
  await log.close();
});

test('requests fail on demand, having done nothing; the end of a transaction is asked for until it is known', async () => {
  let fails = true;
  const log = openSimulatedLog({ clock: systemClock, random: () => (fails ? 0 : 0.9) });
  await log.createTopics([spec]);
  const producer = await log.transactionalProducer('id');
  log.faults.failRequests(0.5);
  await assert.rejects(log.describeTopics(), { code: 'MR_LOG_UNAVAILABLE', remedy: 'retry' });
  const consumer = await log.consumer();
  await assert.rejects(consumer.poll(0), { code: 'MR_LOG_UNAVAILABLE' });
  producer.append('in', 0, [text('a')]);
  // What was sent has failed by now; the end is requested meanwhile.
  const commit = producer.commit();
  setImmediate(() => {
    fails = false;
  });
  await assert.rejects(commit, { code: 'MR_LOG_UNAVAILABLE' });
  producer.append('in', 0, [text('b')]);
  await producer.commit();
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['b']);
  await log.close();
});

test('a request whose reply is lost arrives twice, and is obeyed once', async () => {
  const log = open();
  await log.createTopics([spec]);
  log.faults.repeatRequests(1);
  const producer = await log.producer();
  await producer.append('in', 0, [text('a')]);
  await producer.append('in', 0, [text('b')]);
  const transactional = await log.transactionalProducer('id');
  for (const name of ['c', 'd']) {
    transactional.append('in', 0, [text(name)]);
    const [appended] = await transactional.commit();
    assert.equal(appended?.nextOffset, (appended?.baseOffset ?? 0) + 1);
  }
  const assign = (members: readonly { memberId: string }[]) =>
    new Map(members.map(({ memberId }) => [memberId, Buffer.from('share')]));
  const join = { group: 'g', metadata: Buffer.alloc(0), sessionTimeoutMs: 10_000, assign };
  const member = await log.joinGroup({ ...join, memberId: 'm' });
  assert.equal(String(member.assignment), 'share');
  assert.equal(await member.heartbeat(), 'stable');
  const again = await member.rejoin(Buffer.alloc(0));
  assert.equal(await again.heartbeat(), 'stable');
  await again.leave();
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['a', 'b', 'c', 'd']);
  await log.close();
});

test('a lost tail is lost: readers beyond it are told, and offsets are given out again', async () => {
  const log = open();
  await log.createTopics([spec]);
  const producer = await log.producer();
  for (const name of ['a', 'b', 'c']) await producer.append('in', 0, [text(name), text(`${name}2`)]);
  const consumer = await log.consumer();
  consumer.assign([{ ...at('in'), offset: 0 }]);
  await readCount(consumer, 6);
  log.faults.loseTail(at('in'), 3);
  await assert.rejects(consumer.poll(0), hasCode('MR_LOG_OFFSET_OUT_OF_RANGE'));
  assert.equal((await producer.append('in', 0, [text('d')])).baseOffset, 2);
  assert.deepEqual(values(await readToEnd(log, [at('in')])), ['a', 'a2', 'd']);
  await log.close();
});

test('a member is expelled on demand', async () => {
  const log = open();
  const join = { group: 'g', metadata: Buffer.alloc(0), sessionTimeoutMs: 10_000 };
  const assign = () => new Map<string, Buffer>();
  const member = await log.joinGroup({ ...join, assign });
  assert.equal(await member.heartbeat(), 'stable');
  log.faults.expel('g', member.memberId);
  assert.equal(await member.heartbeat(), 'expelled');
  await log.close();
});

test('sessions end by the clock that the log was given', async () => {
  const clock = new ManualClock();
  const log = openSimulatedLog({ clock, random: () => 0 });
  const join = { group: 'g', metadata: Buffer.alloc(0), sessionTimeoutMs: 10_000 };
  const member = await log.joinGroup({ ...join, assign: () => new Map<string, Buffer>() });
  await clock.advance(10_000);
  assert.equal(await member.heartbeat(), 'stable');
  await clock.advance(10_001);
  assert.equal(await member.heartbeat(), 'expelled');
  await log.close();
});

test('cleaning compacts and expires below the stable offset, and readers pass over the gaps', async () => {
  const clock = new ManualClock(1_000);
  const log = openSimulatedLog({ clock, random: () => 0 });
  await log.createTopics([
    { name: 'compacted', partitions: 1, cleanup: compact },
    { name: 'expiring', partitions: 1, cleanup: { policy: 'delete', retentionMs: 100 } },
  ]);
  const producer = await log.producer();
  const put = (key: string, value: string | null) =>
    producer.append('compacted', 0, [
      { key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestamp: 1 },
    ]);
  for (const value of ['1', '2', '3']) await put('a', value);
  await put('b', '1');
  await put('b', null);
  for (const time of [10, 500]) await producer.append('expiring', 0, [text(`${time}`, time)]);
  assert.deepEqual(log.clean(), { expiredBatches: 1, compactedRecords: 3 });
  const read = await readToEnd(log, [at('compacted')]);
  assert.deepEqual(
    read.map((record) => [record.offset, record.value]),
    [
      [2, '3'],
      [4, null],
    ],
  );
  assert.deepEqual(values(await readToEnd(log, [at('expiring')])), ['500']);
  await clock.advance(86_400_001);
  log.clean();
  assert.deepEqual(values(await readToEnd(log, [at('compacted')])), ['3']);
  await log.close();
});

test('two runs with the same random numbers are the same', async () => {
  const run = async (): Promise<unknown> => {
    const clock = new ManualClock();
    let state = 5;
    const random = () => {
      state = (state * 48271) % 0x7fffffff;
      return state / 0x7fffffff;
    };
    const log = openSimulatedLog({ clock, random, maxDelayMs: 10 });
    const trace: unknown[] = [];
    let done = false;
    const work = (async () => {
      await log.createTopics([spec]);
      const writers = ['x', 'y', 'z'].map(async (id) => {
        const producer = await log.transactionalProducer(id);
        for (let i = 0; i < 5; i++) {
          producer.append('in', i % 2, [text(`${id}${i}`)]);
          trace.push(await producer.commit(), clock.now());
        }
      });
      await Promise.all(writers);
      trace.push(await readToEnd(log, [at('in', 0), at('in', 1)]));
      await log.close();
    })().finally(() => {
      done = true;
    });
    while (!done) await clock.advance(1);
    await work;
    return trace;
  };
  assert.deepEqual(await run(), await run());
});
