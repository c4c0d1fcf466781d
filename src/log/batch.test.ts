import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { errorCode } from '#platform';
import { encodeBatch } from './batch.ts';
import { encodeBatches, RecordBuffer } from './record-buffer.ts';
import { StoredBatch } from './stored-batch.ts';
import { all, anyRecord } from './testing/records.ts';

const record = anyRecord(
  fc.oneof(
    fc.integer({ min: -1e9, max: 2e12 }),
    fc.integer({ min: 1000, max: 1100 }),
    fc.double({ noNaN: true, min: 0, max: 1e6 }),
  ),
);

test('what is encoded is read back, record by record, whatever the split into batches', () => {
  fc.assert(
    fc.property(
      fc.array(record, { maxLength: 30 }),
      fc.integer({ min: 1, max: 3000 }),
      (records, maxBytes) => {
        let base = 7;
        const read = encodeBatches(records, maxBytes).flatMap((encoded) => {
          const batch = new StoredBatch('t', 0, base, encoded.bytes);
          assert.equal(batch.count, encoded.count);
          assert.ok(batch.count === 1 || encoded.bytes.length <= maxBytes + 8 * batch.count);
          base = batch.nextOffset;
          return all([batch]);
        });
        assert.deepEqual(
          read,
          records.map((r, i) => ({ offset: 7 + i, record: r })),
        );
      },
    ),
  );
});

test('the name of a header counts by its bytes where a batch may be full', () => {
  const record = {
    key: null,
    value: null,
    timestamp: 0,
    headers: [['€'.repeat(100), Buffer.alloc(0)] as const],
  };
  const counts = encodeBatches([record, record], 500).map(({ count }) => count);
  assert.deepEqual(counts, [1, 1]);
});

test('a view from a position shows exactly the records at or after it, dense or with gaps', () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.nat(200), { maxLength: 20 }).map((offsets) => offsets.sort((a, b) => a - b)),
      fc.integer({ min: 0, max: 320 }),
      (offsets, position) => {
        const records = offsets.map((o) => ({ key: Buffer.from(`k${o}`), value: null, timestamp: o }));
        const { bytes } = encodeBatch(records, offsets, 205);
        const batch = new StoredBatch('t', 0, 100, bytes, position);
        const expected = offsets.map((o) => o + 100).filter((o) => o >= position);
        assert.deepEqual(
          all([batch]).map((r) => r.offset),
          expected,
        );
        assert.deepEqual(
          all([batch]).map((r) => r.record.key?.toString()),
          expected.map((o) => `k${o - 100}`),
        );
        assert.equal(batch.nextOffset, 305);
      },
    ),
  );
});

test('one changed bit anywhere is found by the checksum', () => {
  const good = encodeBatch([{ key: Buffer.from('k'), value: Buffer.from('value'), timestamp: 5 }]).bytes;
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = new Uint8Array(good);
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7));
    assert.throws(
      () => new StoredBatch('t', 3, 9, bad),
      (error) => errorCode(error) === 'MR_LOG_CORRUPT',
    );
  }
});

test('a batch cut short, and a timestamp that is none, are refused', () => {
  const { bytes } = encodeBatch([{ key: null, value: Buffer.alloc(50), timestamp: 5 }]);
  for (const length of [0, 10, 40, bytes.length - 1]) {
    assert.throws(() => new StoredBatch('t', 0, 0, bytes.slice(0, length)), { code: 'MR_LOG_CORRUPT' });
  }
  assert.throws(() => encodeBatch([{ key: null, value: null, timestamp: Number.NaN }]), {
    code: 'MR_LOG_INVALID_RECORD',
  });
});

test('a value encoded in its place takes the same bytes as one encoded before, whatever room there is', () => {
  const copyInto = (value: Buffer, target: Buffer, at: number) => {
    if (at + value.length > target.length) return target.length - at - value.length;
    value.copy(target, at);
    return at + value.length;
  };
  const lengths = fc.oneof(fc.nat(300), fc.nat(20_000));
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.option(fc.string({ unit: 'grapheme' })), lengths), { maxLength: 20 }),
      (records) => {
        const [before, inPlace] = [new RecordBuffer(), new RecordBuffer()];
        for (const [key, length] of records) {
          const value = Buffer.alloc(length, 'v');
          before.put(key, value, 5, [['h', Buffer.from('x')]]);
          const taken = inPlace.putValue(key, value, copyInto, 5, [['h', Buffer.from('x')]]);
          assert.equal(taken, length);
        }
        assert.deepEqual([...inPlace], [...before]);
      },
    ),
  );
});

test('a buffer that was cleared takes records as a new one does', () => {
  const record = fc.tuple(fc.option(fc.string()), fc.option(fc.nat(900)), fc.nat(9), fc.boolean());
  fc.assert(
    fc.property(fc.array(fc.array(record, { maxLength: 12 }), { maxLength: 6 }), (rounds) => {
      const again = new RecordBuffer(1000);
      for (const records of rounds) {
        again.clear();
        const fresh = new RecordBuffer(1000);
        for (const [key, length, timestamp, hasHeader] of records) {
          const value = length === null ? null : Buffer.alloc(length, timestamp);
          for (const buffer of [again, fresh])
            buffer.put(key, value, timestamp, hasHeader ? [['h', Buffer.from('x')]] : undefined);
        }
        assert.equal(again.length, fresh.length);
        assert.equal(again.hasNullKey, fresh.hasNullKey);
        assert.deepEqual(again.encode(), fresh.encode());
      }
    }),
  );
});

test('the room of a buffer that was emptied serves another one, and neither shows the other’s records', () => {
  const list = fc.array(record, { minLength: 1, maxLength: 30 });
  fc.assert(
    fc.property(list, list, list, (before, records, others) => {
      const [first, second] = [new RecordBuffer(200), new RecordBuffer(200)];
      for (const each of before) first.add(each);
      first.clear();
      for (const [i, each] of records.entries()) {
        second.add(each);
        const other = others[i];
        if (other !== undefined) first.add(other);
      }
      assert.deepEqual([...second], [...RecordBuffer.of(records, 200)]);
      assert.deepEqual([...first], [...RecordBuffer.of(others.slice(0, records.length), 200)]);
    }),
  );
});

test('a record whose value can’t be encoded in its place, or is too large, leaves nothing', () => {
  const buffer = new RecordBuffer();
  const fails = () => {
    throw new TypeError('no value');
  };
  const tooLarge = (_: string, target: Buffer, at: number) => {
    const missing = at + 17 * 1024 * 1024 - target.length;
    return missing > 0 ? -missing : at + 17 * 1024 * 1024;
  };
  buffer.put('a', Buffer.from('1'), 1);
  assert.throws(() => buffer.putValue('b', 'x', fails, 1), TypeError);
  assert.throws(
    () => buffer.putValue('b', 'x', tooLarge, 1),
    (error) => errorCode(error) === 'MR_RECORD_TOO_LARGE',
  );
  buffer.put('c', Buffer.from('3'), 1);
  assert.deepEqual(
    [...buffer].map(({ key }) => String(key)),
    ['a', 'c'],
  );
  assert.equal(buffer.length, 2);
});
