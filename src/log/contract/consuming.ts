import assert from 'node:assert/strict';
import type { Log } from '../port.ts';
import {
  at,
  type ContractTest,
  hasCode,
  keepForEver,
  pollRecords,
  readCount,
  readToEnd,
  text,
  values,
} from './opened.ts';

async function fill(
  log: Log,
  partitions: number,
  appends: number,
  perAppend: number,
  padding = 0,
): Promise<void> {
  await log.createTopics([{ name: 'in', partitions, cleanup: keepForEver }]);
  const producer = await log.producer();
  for (let partition = 0; partition < partitions; partition++) {
    for (let i = 0; i < appends; i++) {
      const records = Array.from({ length: perAppend }, (_, j) =>
        text(`${i * perAppend + j}`.padEnd(padding, '.')),
      );
      await producer.append('in', partition, records);
    }
  }
  await producer.close();
}

/** Reading: positions, waiting, bounds, rotation, pauses. */
export function consumingTests(contract: ContractTest): void {
  contract('a reader begins at its position, also inside a batch', async ({ log }) => {
    await fill(log, 1, 3, 10);
    const all = await readToEnd(log, [at('in')]);
    for (const from of [0, 1, 9, 10, 17, 29]) {
      const consumer = await log.consumer();
      consumer.assign([{ ...at('in'), offset: all[from]?.offset ?? 0 }]);
      const [first] = await consumer.poll(1000);
      assert.ok((first?.baseOffset ?? 0) >= (all[from]?.offset ?? 0));
      assert.equal(first?.offset(0), all[from]?.offset);
      consumer.assign([{ ...at('in'), offset: all[from]?.offset ?? 0 }]);
      assert.deepEqual(await readCount(consumer, 30 - from), all.slice(from));
      await consumer.close();
    }
  });

  contract('poll gives [] after its time, and what comes while it waits', async ({ log }) => {
    await log.createTopics([{ name: 'in', partitions: 2, cleanup: keepForEver }]);
    const consumer = await log.consumer();
    assert.deepEqual(await consumer.poll(5), [], 'nothing assigned');
    consumer.assign([
      { ...at('in', 0), offset: 0 },
      { ...at('in', 1), offset: 0 },
    ]);
    assert.deepEqual(await consumer.poll(5), []);
    const poll = consumer.poll(50_000);
    const producer = await log.producer();
    await producer.append('in', 1, [text('came')]);
    const [batch] = await poll;
    assert.equal(batch?.value(0)?.toString(), 'came');
    const transaction = consumer.poll(50_000);
    const transactional = await log.transactionalProducer('id');
    transactional.append('in', 0, [text('committed')]);
    await transactional.commit();
    const read = (await transaction).flatMap((b) =>
      Array.from({ length: b.count }, (_, i) => b.value(i)?.toString()),
    );
    while (read.length === 0)
      read.push(...(await pollRecords(consumer)).map((record) => record.value ?? undefined));
    assert.deepEqual(read, ['committed']);
  });

  contract('one poll returns no more than maxBytes, unless a single batch has more', async ({ log }) => {
    await fill(log, 2, 20, 1, 1000);
    const consumer = await log.consumer({ maxBytes: 5000 });
    consumer.assign([0, 1].map((partition) => ({ ...at('in', partition), offset: 0 })));
    let read = 0;
    while (read < 40) {
      const records = await pollRecords(consumer);
      const bytes = records.reduce((sum, record) => sum + (record.value?.length ?? 0), 0);
      assert.ok(bytes <= 5000, `${bytes} bytes`);
      read += records.length;
    }
    const small = await log.consumer({ maxBytes: 1 });
    small.assign([{ ...at('in'), offset: 0 }]);
    assert.equal((await readCount(small, 20)).length, 20);
  });

  contract('partitions take turns, so that none starves', async ({ log }) => {
    await fill(log, 3, 30, 1, 1000);
    const consumer = await log.consumer({ maxBytes: 3500 });
    consumer.assign([0, 1, 2].map((partition) => ({ ...at('in', partition), offset: 0 })));
    const seen = new Map<number, number>();
    while ((seen.get(0) ?? 0) + (seen.get(1) ?? 0) + (seen.get(2) ?? 0) < 45) {
      for (const { partition } of await pollRecords(consumer))
        seen.set(partition, (seen.get(partition) ?? 0) + 1);
    }
    for (const partition of [0, 1, 2]) assert.ok((seen.get(partition) ?? 0) >= 5, `${[...seen]}`);
  });

  contract(
    'a paused partition keeps its position and goes on when resumed, also under a waiting poll',
    async ({ log }) => {
      await fill(log, 2, 1, 5);
      const consumer = await log.consumer();
      consumer.assign([0, 1].map((partition) => ({ ...at('in', partition), offset: 0 })));
      consumer.pause([at('in', 0), at('in', 7)]);
      const first = await readCount(consumer, 5);
      assert.ok(first.every((record) => record.partition === 1));
      assert.equal(consumer.position(at('in', 0)), 0);
      assert.equal((await pollRecords(consumer, 10)).length, 0);
      const poll = readCount(consumer, 5);
      consumer.resume([at('in', 0)]);
      assert.ok((await poll).every((record) => record.partition === 0));
    },
  );

  contract('assign replaces the assignment', async ({ log }) => {
    await fill(log, 2, 1, 5);
    const consumer = await log.consumer();
    consumer.assign([{ ...at('in', 0), offset: 0 }]);
    consumer.pause([at('in', 0)]);
    consumer.assign([{ ...at('in', 1), offset: 0 }]);
    assert.ok((await readCount(consumer, 5)).every((record) => record.partition === 1));
    assert.equal(consumer.position(at('in', 0)), undefined);
    assert.equal(consumer.end(at('in', 0)), undefined);
    consumer.assign([{ ...at('in', 0), offset: 0 }]);
    assert.equal((await readCount(consumer, 5)).length, 5, 'and its pauses');
  });

  contract('position and end tell when the reader has caught up', async ({ log }) => {
    await fill(log, 1, 2, 5);
    const consumer = await log.consumer();
    consumer.assign([{ ...at('in'), offset: 0 }]);
    assert.equal(consumer.position(at('in')), 0);
    assert.equal(consumer.end(at('in')), undefined);
    const read = await readCount(consumer, 10);
    while (consumer.position(at('in')) !== consumer.end(at('in'))) await consumer.poll(10);
    assert.ok((consumer.position(at('in')) ?? 0) > (read.at(-1)?.offset ?? 0));
    const [description] = await log.describeTopics(['in']);
    assert.equal(consumer.end(at('in')), description?.offsets[0]?.stable);
    const producer = await log.producer();
    await producer.append('in', 0, [text('more')]);
    assert.deepEqual(values(await readCount(consumer, 1)), ['more']);
  });

  contract('a position outside the log is refused', async ({ log }) => {
    await fill(log, 1, 1, 5);
    const [description] = await log.describeTopics(['in']);
    const end = description?.offsets[0]?.end ?? 0;
    for (const offset of [-1, end + 1, end + 1000]) {
      const consumer = await log.consumer();
      consumer.assign([{ ...at('in'), offset }]);
      await assert.rejects(consumer.poll(10), hasCode('MR_LOG_OFFSET_OUT_OF_RANGE'));
      consumer.assign([{ ...at('in'), offset: 0 }]);
      assert.equal((await readCount(consumer, 5)).length, 5);
      await consumer.close();
    }
  });

  contract('two readers do not disturb each other', async ({ log, another }) => {
    await fill(log, 1, 4, 5);
    const other = await another();
    const [first, second] = [await log.consumer(), await other.consumer()];
    first.assign([{ ...at('in'), offset: 0 }]);
    second.assign([{ ...at('in'), offset: 0 }]);
    const [a, b] = await Promise.all([readCount(first, 20), readCount(second, 20)]);
    assert.deepEqual(a, b);
    await other.close();
  });

  contract('closing a consumer ends its waiting poll', async ({ log }) => {
    await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
    const consumer = await log.consumer();
    consumer.assign([{ ...at('in'), offset: 0 }]);
    const closed = assert.rejects(consumer.poll(50_000), hasCode('MR_LOG_CLOSED'));
    await consumer.close();
    await closed;
    await assert.rejects(consumer.poll(10), hasCode('MR_LOG_CLOSED'));
  });
}
