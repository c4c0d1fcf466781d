import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { avroSerde, TopicReader } from '#engine';
import type { TopicSpec } from '#log';
import { watchFailpoints } from '#platform';
import type { CopyProgress } from './copy-options.ts';
import { isEqual } from './copy-topics.ts';
import { copy, embedded, onKafka, type Side, simulated } from './testing/sides.ts';

const events: TopicSpec = { name: 'events', partitions: 2, cleanup: { policy: 'delete', retentionMs: null } };
const rows: TopicSpec = {
  name: 'rows',
  partitions: 1,
  cleanup: { policy: 'compact', tombstoneRetentionMs: 86_400_000 },
};
const record = (name: string, ...fields: object[]) => ({ type: 'record', name, fields });
const id = { name: 'id', type: 'string' };
const first = record('Event', id);
const second = record('Event', id, { name: 'size', type: 'int', default: 7 });

/** Values of two versions of a schema, bytes that are none, headers, tombstones, heartbeats, aborted records. */
async function fill({ log, registry }: Side): Promise<void> {
  await log.createTopics([events, rows]);
  const old = await avroSerde<object>(registry, 'events-value', first);
  const now = await avroSerde<object>(registry, 'events-value', second);
  const row = await avroSerde<object>(registry, 'rows-value', record('Row', id));
  const producer = await log.transactionalProducer('filler');
  for (let i = 0; i < 40; i++) {
    const serde = i % 2 === 0 ? old : now;
    const key = Buffer.from(`k${i % 5}`);
    const value = serde.encode({ id: `e${i}`, size: i });
    const headers = i % 3 === 0 ? ([['trace', Buffer.from([i])]] as const) : [];
    producer.append('events', i % 2, [{ key, value, timestamp: 1000 + i, headers }]);
    const put = i % 7 === 6 ? null : row.encode({ id: `row ${i}` });
    producer.append('rows', 0, [{ key, value: put, timestamp: 2000 + i }]);
    if (i % 10 === 9) await producer.abort();
    else if (i % 4 === 3) await producer.commit();
  }
  producer.append('events', 0, [
    { key: null, value: Buffer.from('no Avro'), timestamp: 3000 },
    { key: null, value: null, timestamp: 3001, headers: [['w', Buffer.from('1')]] },
    { key: Buffer.alloc(0), value: Buffer.from([0, 0, 0, 99, 99]), timestamp: 3002 },
  ]);
  await producer.commit();
  await producer.close();
}

async function read(side: Side, topic: TopicSpec, schema: object) {
  const value = await avroSerde<object>(side.registry, `${topic.name}-value`, schema);
  const key = { toText: (text: string) => text, fromText: (text: string) => text };
  const undecodable: unknown[] = [];
  const reader = await TopicReader.open(
    side.log,
    { ...topic, key, value },
    {
      from: 'start',
      onUndecodable: ({ partition }) => undecodable.push(partition),
    },
  );
  const records: unknown[] = [];
  for await (const some of reader.untilEnd()) {
    for (const { offset: _, ...rest } of some) records.push(rest);
  }
  await reader.close();
  const inOrder = (partition: number) =>
    records.filter((each) => (each as { partition: number }).partition === partition);
  return { 0: inOrder(0), 1: inOrder(1), undecodable };
}

describe('copy', () => {
  for (const [name, open] of [
    ['embedded', embedded],
    ['simulated', async (t: TestContext) => simulated(t)],
  ] as const) {
    it(`brings topics from a log in memory to one that is ${name}, with ids of the other registry`, async (t) => {
      const from = simulated(t);
      const to = await open(t);
      await fill(from);
      // Otherwise the ids would happen to be the same.
      await to.registry.register('others-value', record('Other', id));
      const copied = await copy(from, to);
      assert.ok(copied.every(isEqual));
      assert.equal(
        copied.filter(({ topic }) => topic === 'events').reduce((sum, each) => sum + each.source.records, 0),
        31,
        'without what was aborted',
      );
      assert.deepEqual(await read(to, events, second), await read(from, events, second));
      assert.deepEqual(await read(to, rows, record('Row', id)), await read(from, rows, record('Row', id)));
      const ids = async (side: Side) =>
        Promise.all((await side.registry.versions('events-value')).map((each) => side.registry.schema(each)));
      assert.deepEqual(await ids(to), await ids(from));

      const back = await embedded(t);
      assert.ok((await copy(to, back)).every(isEqual));
      assert.deepEqual(await read(back, events, second), await read(from, events, second));
    });
  }

  it('brings topics to Kafka and back, over a transaction that was cut off', {
    timeout: 120_000,
  }, async (t) => {
    const from = await embedded(t);
    const to = await onKafka(t);
    if (to === undefined) return;
    await fill(from);
    let hits = 0;
    watchFailpoints((name) => {
      if (name === 'copy.commit.before' && ++hits === 2) throw new Error('cut off');
    });
    t.after(() => watchFailpoints(undefined));
    await assert.rejects(copy(from, to), /cut off/);
    watchFailpoints(undefined);
    assert.ok((await copy(from, to)).every(isEqual));
    assert.deepEqual(await read(to, events, second), await read(from, events, second));

    const back = await embedded(t);
    assert.ok((await copy(to, back)).every(isEqual));
    assert.deepEqual(await read(back, events, second), await read(from, events, second));
    // Brokers may have compacted meanwhile.
    const newest = async (side: Side) => {
      const { 0: all } = await read(side, rows, record('Row', id));
      return new Map(all.map((each) => [(each as { key: string }).key, each]));
    };
    assert.deepEqual(await newest(back), await newest(from));
    assert.ok((await copy(to, back)).every((each) => isEqual(each) && each.copied === 0));
    const other = { ...back, name: 'another' };
    await assert.rejects(copy(other, to), { code: 'MR_COPY_TARGET_OCCUPIED' });
  });

  it('leaves behind what a changelog says of offsets: they are others there, and a store would seem ahead', async (t) => {
    const [from, to] = [simulated(t), await embedded(t)];
    await from.log.createTopics([rows]);
    const producer = await from.log.producer();
    const headers = [
      ['mr-position', Buffer.from('{"events":7}')],
      ['w', Buffer.from('1')],
    ] as const;
    await producer.append('rows', 0, [{ key: Buffer.from('k'), value: null, timestamp: 1, headers }]);
    assert.ok((await copy(from, to)).every(isEqual));
    const consumer = await to.log.consumer();
    consumer.assign([{ topic: 'rows', partition: 0, offset: 0 }]);
    const [batch] = await consumer.poll(1_000);
    assert.deepEqual(batch?.headers(0), [['w', Buffer.from('1')]]);
  });

  it('goes on where it was cut off, and with what came since', async (t) => {
    const from = await embedded(t);
    const to = simulated(t);
    await fill(from);
    t.after(() => watchFailpoints(undefined));
    for (const point of ['copy.commit.before', 'copy.commit.after']) {
      let hits = 0;
      watchFailpoints((name) => {
        if (name === point && ++hits === 2) throw new Error(`cut off at ${name}`);
      });
      await assert.rejects(copy(from, to), /cut off/);
      watchFailpoints(undefined);
    }
    const controller = new AbortController();
    const onProgress = ({ step }: CopyProgress) => step === 'copy' && controller.abort(new Error('Ctrl-C'));
    await assert.rejects(copy(from, to, { onProgress, signal: controller.signal }), /Ctrl-C/);

    const rest = await copy(from, to);
    assert.ok(rest.every(isEqual));
    const written = rest.reduce((sum, { copied }) => sum + copied, 0);
    assert.ok(written > 0 && written < 31 + 28, `${written} were left`);
    assert.deepEqual(await read(to, events, second), await read(from, events, second));

    const again = await copy(from, to);
    assert.ok(again.every((each) => isEqual(each) && each.copied === 0));
    const producer = await from.log.producer();
    await producer.append('events', 1, [{ key: null, value: Buffer.from('new'), timestamp: 4000 }]);
    assert.equal(
      (await copy(from, to)).reduce((sum, { copied }) => sum + copied, 0),
      1,
    );
  });

  it('refuses a target with records of others, before and after it has begun', async (t) => {
    const from = simulated(t);
    await fill(from);
    const occupied = { code: 'MR_COPY_TARGET_OCCUPIED', message: /events/ };
    const strange = async ({ log }: Side) => {
      const producer = await log.producer();
      await producer.append('events', 0, [{ key: null, value: Buffer.from('strange'), timestamp: 1 }]);
      await producer.close();
    };
    const before = await embedded(t);
    await before.log.createTopics([events]);
    await strange(before);
    await assert.rejects(copy(from, before), occupied);

    const after = simulated(t);
    await copy(from, after);
    await strange(after);
    await assert.rejects(copy(from, after), occupied);
    assert.ok((await copy(from, after, { topics: ['rows'] })).every(isEqual), 'the others are as they were');
  });

  it('takes compaction on either side for what it is', async (t) => {
    const from = await embedded(t);
    const to = await embedded(t);
    await fill(from);
    await from.clean();
    assert.ok((await copy(from, to)).every(isEqual));
    await to.clean();
    const again = await copy(from, to);
    assert.ok(again.every((each) => isEqual(each) && each.copied === 0));
  });

  it('goes on after compaction has taken away what was copied', async (t) => {
    const from = await embedded(t);
    const to = await embedded(t);
    await from.log.createTopics([rows]);
    const producer = await from.log.producer();
    const put = (key: string, value: string | null) => {
      const bytes = value === null ? null : Buffer.from(value);
      return producer.append('rows', 0, [{ key: Buffer.from(key), value: bytes, timestamp: 1 }]);
    };
    for (const key of ['a', 'b', 'c']) await put(key, 'old');
    assert.ok((await copy(from, to)).every(isEqual));
    await put('a', 'new');
    await put('b', null);
    await from.clean();
    assert.ok((await copy(from, to)).every((each) => isEqual(each) && each.copied === 2));
    const strange = await to.log.producer();
    await strange.append('rows', 0, [{ key: Buffer.from('d'), value: Buffer.from('x'), timestamp: 1 }]);
    await assert.rejects(copy(from, to), { code: 'MR_COPY_TARGET_OCCUPIED' });
  });

  it('finds out what differs', async (t) => {
    const from = await embedded(t);
    const to = simulated(t);
    await fill(from);
    let meddled: Promise<unknown> | undefined;
    const onProgress = ({ step, topic }: CopyProgress) => {
      if (step !== 'verify' || topic !== 'events' || meddled !== undefined) return;
      meddled = to.log
        .producer()
        .then((producer) =>
          producer.append('rows', 0, [{ key: Buffer.from('k0'), value: null, timestamp: 1 }]),
        );
    };
    const copied = await copy(from, to, { onProgress });
    assert.deepEqual(
      copied.filter((each) => !isEqual(each)).map(({ topic }) => topic),
      ['rows'],
    );
  });

  it('refuses to write what the target would delete at once', async (t) => {
    const from = await embedded(t);
    const to = simulated(t);
    const short: TopicSpec = {
      name: 'short',
      partitions: 1,
      cleanup: { policy: 'delete', retentionMs: 60_000 },
    };
    await from.log.createTopics([short]);
    const producer = await from.log.producer();
    await producer.append('short', 0, [{ key: null, value: null, timestamp: Date.now() - 120_000 }]);
    const expiring = { to: { ...to, expiresByWallClock: true } };
    await assert.rejects(copy(from, to, expiring), { code: 'MR_COPY_EXPIRES', message: /short/ });
    await producer.append('short', 0, [{ key: null, value: null, timestamp: Date.now() }]);
    assert.ok((await copy(from, to)).every(isEqual));
  });

  it('takes the places of groups along', async (t) => {
    const from = simulated(t);
    const to = await embedded(t);
    await fill(from);
    const at = { topic: 'events', partition: 1 };
    const place = (await from.log.describeTopics(['events']))[0]?.offsets[1]?.stable ?? 0;
    const consumer = await from.log.consumer();
    consumer.assign([{ ...at, offset: 0 }]);
    const offsets = (await consumer.poll(0)).flatMap((batch) =>
      Array.from({ length: batch.count }, (_, i) => batch.offset(i)),
    );
    const group = (name: string) => ({ group: name, memberId: '', generation: -1 });
    await from.log.commitOffsets(group('middle'), [{ ...at, offset: offsets[4] ?? 0, metadata: 'mark' }]);
    await from.log.commitOffsets(group('end'), [{ ...at, offset: place }]);
    await copy(from, to, { groups: ['middle', 'end', 'none'] });
    const committed = async (name: string) => (await to.log.committedOffsets(name, [at]))[0];
    const middle = await committed('middle');
    assert.deepEqual([middle?.offset, middle?.metadata], [4, 'mark']);
    assert.equal((await committed('end'))?.offset, offsets.length);
    assert.equal(await committed('none'), undefined);
  });

  it('takes along the places of every topology that has a journal', async (t) => {
    const [from, to] = [simulated(t), await embedded(t)];
    await fill(from);
    await from.log.createTopics([{ ...rows, name: 'view-of-module-3-journal' }]);
    const at = { topic: 'events', partition: 1 };
    const commit = [{ ...at, offset: 3, metadata: 'mark' }];
    await from.log.commitOffsets({ group: 'view-of-module-3', memberId: '', generation: -1 }, commit);
    await copy(from, to);
    assert.equal((await to.log.committedOffsets('view-of-module-3', [at]))[0]?.metadata, 'mark');
  });
});
