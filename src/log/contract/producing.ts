import assert from 'node:assert/strict';
import type { ProducerRecord } from '../port.ts';
import {
  at,
  type ContractTest,
  compact,
  hasCode,
  keepForEver,
  readCount,
  readToEnd,
  text,
  values,
} from './opened.ts';

/** Appends outside transactions. */
export function producingTests(contract: ContractTest): void {
  contract('records come back as they were appended', async ({ log }) => {
    await log.createTopics([{ name: 'exact', partitions: 1, cleanup: keepForEver }]);
    const records: ProducerRecord[] = [
      { key: Buffer.from('k'), value: Buffer.from('v'), timestamp: 1_700_000_000_123 },
      { key: null, value: Buffer.from('no key'), timestamp: 0 },
      { key: Buffer.from('no value'), value: null, timestamp: 5 },
      { key: Buffer.alloc(0), value: Buffer.alloc(0), timestamp: 1_700_000_000_000 },
      {
        key: Buffer.from('k'),
        value: Buffer.from('headers'),
        timestamp: 7,
        headers: [
          ['watermark', Buffer.from('12')],
          ['trace', Buffer.alloc(0)],
          ['watermark', Buffer.from('again')],
        ],
      },
      { key: Buffer.from('large'), value: Buffer.alloc(300_000, 'x'), timestamp: 8 },
    ];
    const producer = await log.producer();
    const { baseOffset, nextOffset, ...where } = await producer.append('exact', 0, records);
    assert.deepEqual(where, at('exact'));
    assert.ok(nextOffset >= baseOffset + records.length);
    const read = await readToEnd(log, [at('exact')]);
    assert.deepEqual(
      read,
      records.map((record, i) => ({
        ...at('exact'),
        offset: baseOffset + i,
        key: record.key?.toString() ?? null,
        value: record.value?.toString() ?? null,
        timestamp: record.timestamp,
        headers: (record.headers ?? []).map(([name, value]) => [name, value.toString()]),
      })),
    );
  });

  contract('appends keep the order of calls, and each learns its own offsets', async ({ log }) => {
    await log.createTopics([{ name: 'ordered', partitions: 2, cleanup: keepForEver }]);
    const producer = await log.producer();
    const names = Array.from({ length: 60 }, (_, i) => [`${i} a`, `${i} b`]);
    const appended = await Promise.all(
      names.map((pair, i) =>
        producer.append(
          'ordered',
          i % 2,
          pair.map((value) => text(value)),
        ),
      ),
    );
    const consumer = await log.consumer();
    consumer.assign([0, 1].map((partition) => ({ ...at('ordered', partition), offset: 0 })));
    const read = await readCount(consumer, 120);
    for (const partition of [0, 1]) {
      const expected = names.flatMap((pair, i) => (i % 2 === partition ? pair : []));
      assert.deepEqual(values(read.filter((record) => record.partition === partition)), expected);
    }
    names.forEach((pair, i) => {
      const base = appended[i]?.baseOffset ?? -1;
      const found = read.filter((record) => record.partition === i % 2 && record.offset >= base).slice(0, 2);
      assert.deepEqual(values(found), pair);
      assert.deepEqual(found[0]?.offset, base);
    });
  });

  contract('an append of more than one batch holds comes back whole', async ({ log }) => {
    await log.createTopics([{ name: 'bulk', partitions: 1, cleanup: keepForEver }]);
    const producer = await log.producer();
    const names = Array.from({ length: 5000 }, (_, i) => `${i}`.padEnd(200, '.'));
    const { baseOffset, nextOffset } = await producer.append(
      'bulk',
      0,
      names.map((name) => text(name)),
    );
    assert.ok(nextOffset - baseOffset >= names.length);
    assert.deepEqual(values(await readToEnd(log, [at('bulk')])), names);
  });

  contract('an append without records takes no offsets', async ({ log }) => {
    await log.createTopics([{ name: 'none', partitions: 1, cleanup: keepForEver }]);
    const producer = await log.producer();
    const { nextOffset } = await producer.append('none', 0, [text('one')]);
    const nothing = await producer.append('none', 0, []);
    assert.equal(nothing.baseOffset, nothing.nextOffset);
    assert.ok(nothing.baseOffset >= nextOffset);
  });

  contract('what cannot be stored is refused, alone', async ({ log }) => {
    await log.createTopics([
      { name: 'refusing', partitions: 1, cleanup: keepForEver },
      { name: 'keyed', partitions: 1, cleanup: compact },
    ]);
    const producer = await log.producer();
    const bad = { key: null, value: null, timestamp: Number.NaN };
    const settled = await Promise.allSettled([
      producer.append('refusing', 0, [text('before')]),
      producer.append('refusing', 0, [text('with it'), bad]),
      producer.append('refusing', 0, [text('after')]),
      producer.append('keyed', 0, [text('before')]),
      producer.append('keyed', 0, [text('with it'), { ...bad, timestamp: 1 }]),
      producer.append('keyed', 0, [text('after')]),
    ]);
    const codes = settled.map((result) => (result.status === 'rejected' ? result.reason.code : 'ok'));
    assert.deepEqual(codes, ['ok', 'MR_LOG_INVALID_RECORD', 'ok', 'ok', 'MR_LOG_KEY_REQUIRED', 'ok']);
    assert.deepEqual(values(await readToEnd(log, [at('refusing')])), ['before', 'after']);
    assert.deepEqual(values(await readToEnd(log, [at('keyed')])), ['before', 'after']);
  });

  contract('close waits for what is under way, then refuses', async ({ log }) => {
    await log.createTopics([{ name: 'closing', partitions: 1, cleanup: keepForEver }]);
    const producer = await log.producer();
    const pending = Array.from({ length: 20 }, (_, i) => producer.append('closing', 0, [text(`${i}`)]));
    await producer.close();
    assert.equal((await Promise.all(pending)).length, 20);
    await assert.rejects(producer.append('closing', 0, [text('late')]), hasCode('MR_LOG_CLOSED'));
    assert.equal((await readToEnd(log, [at('closing')])).length, 20);
  });
}
