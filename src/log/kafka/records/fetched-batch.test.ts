import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProducerRecord } from '../../port.ts';
import { all } from '../../testing/records.ts';
import { BatchBuilder, buildBatches } from './batch-builder.ts';
import {
  ATTRIBUTES,
  HEADER_BYTES,
  LAST_OFFSET_DELTA,
  LOG_APPEND_TIME,
  MAX_TIMESTAMP,
  writeInt64,
} from './batch-format.ts';
import { readableBatches } from './readable-batches.ts';
import { atOffset, encoded, nobody, read, resealed } from './testing/stored-batches.ts';

test('records are reached in any order, as bytes and as text', () => {
  const records = Array.from({ length: 100 }, (_, i) => ({
    key: i % 7 === 0 ? null : Buffer.from(`schlüssel ${i}`),
    value: i % 5 === 0 ? null : Buffer.alloc(i, i),
    timestamp: 1000 - i,
  }));
  const [batch] = read(encoded(buildBatches([records], 1e6), 'none'));
  assert.ok(batch);
  assert.equal(batch.isPlain, false);
  for (const i of [99, 0, 50, 49, 51, 7, 5, 0]) {
    const { key, value, timestamp } = records[i] as ProducerRecord;
    assert.deepEqual(batch.key(i), key);
    assert.deepEqual(batch.value(i), value);
    assert.equal(batch.keyText(i), key === null ? null : key.toString());
    assert.equal(batch.isEmpty(i), key === null && value === null);
    assert.equal(batch.timestamp(i), timestamp);
  }
  assert.throws(() => batch.key(100), RangeError);
  assert.throws(() => batch.value(-1), RangeError);
});

test('a batch says whether its records are plain', () => {
  const isPlain = (r: Partial<ProducerRecord>) => {
    const plain = { key: Buffer.from('k'), value: Buffer.from(''), timestamp: 5 };
    return read(encoded(buildBatches([[plain, { ...plain, ...r }]], 1000), 'none'))[0]?.isPlain;
  };
  assert.equal(isPlain({}), true);
  assert.equal(isPlain({ key: null }), false);
  assert.equal(isPlain({ value: null }), false);
  assert.equal(isPlain({ headers: [['name', Buffer.alloc(0)]] }), false);
});

test('a batch is seen from the position on', () => {
  const records = Array.from({ length: 10 }, (_, i) => ({
    key: Buffer.from(`${i}`),
    value: null,
    timestamp: i,
  }));
  const bytes = encoded(buildBatches([records], 130), 'none');
  for (let from = 0; from < 20; from++) {
    const { batches, nextOffset } = readableBatches(
      { topic: 't', partition: 0, records: bytes, aborted: [] },
      from,
      'read-uncommitted',
    );
    const offsets = all(batches).map((r) => r.offset);
    assert.deepEqual(
      offsets,
      [7, 8, 9, 10, 11, 12, 13, 14, 15, 16].filter((offset) => offset >= from),
    );
    assert.equal(nextOffset, Math.max(17, from));
    assert.ok(batches.every((batch) => batch.baseOffset >= from && batch.nextOffset > batch.baseOffset));
  }
});

test('a batch that the broker has stamped gives its own time to every record', () => {
  const batch = buildBatches(
    [
      [
        { key: null, value: null, timestamp: 1 },
        { key: null, value: null, timestamp: 2 },
      ],
    ],
    1000,
  )[0];
  const bytes = atOffset(0, (batch as BatchBuilder).finish(nobody));
  bytes.writeInt16BE(LOG_APPEND_TIME, ATTRIBUTES);
  writeInt64(bytes, 1_700_000_000_000, MAX_TIMESTAMP);
  const [stamped] = read(resealed(bytes));
  assert.deepEqual([stamped?.timestamp(0), stamped?.timestamp(1)], [1_700_000_000_000, 1_700_000_000_000]);
});

test('what compaction has taken from a batch is missing and nothing else', () => {
  const builder = new BatchBuilder();
  for (const key of ['a', 'b', 'c']) builder.add(Buffer.from(key), null, 1);
  const batch = atOffset(100, builder.finish(nobody));
  const recordBytes = (batch.length - HEADER_BYTES) / 3;
  // Behind its length, its attributes and its timestamp, one byte each, a record has its offset.
  [1, 4, 7].forEach((offset, i) => {
    batch[HEADER_BYTES + i * recordBytes + 3] = 2 * offset;
  });
  batch.writeInt32BE(9, LAST_OFFSET_DELTA);
  const seen = (from: number) => {
    const { batches, nextOffset } = readableBatches(
      { topic: 't', partition: 0, records: resealed(batch), aborted: [] },
      from,
      'read-committed',
    );
    assert.equal(nextOffset, 110);
    assert.equal(batches[0]?.nextOffset, 110);
    return batches.flatMap((b) => Array.from({ length: b.count }, (_, i) => `${b.keyText(i)}${b.offset(i)}`));
  };
  assert.deepEqual(seen(100), ['a101', 'b104', 'c107']);
  assert.deepEqual(seen(101), ['a101', 'b104', 'c107']);
  assert.deepEqual(seen(102), ['b104', 'c107']);
  assert.deepEqual(seen(107), ['c107']);
  assert.deepEqual(seen(108), []);
});
