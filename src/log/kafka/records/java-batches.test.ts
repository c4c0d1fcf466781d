import assert from 'node:assert/strict';
import { test } from 'node:test';
import { all } from '../../testing/records.ts';
import { readableBatches } from './readable-batches.ts';
import javaBatches from './testing/java-batches.json' with { type: 'json' };
import { read } from './testing/stored-batches.ts';

/** What the console producer was given for javaBatches. */
const javaRecord = (i: number) => ({
  key: i % 5 === 4 ? null : Buffer.from(`user-${i}`),
  value: i % 6 === 5 ? null : Buffer.from(i % 6 === 2 ? '' : `item-${i} viewed, viewed and viewed`),
  headers:
    i % 4 === 3
      ? []
      : [
          ['watermark', Buffer.from(`${i}`)],
          ['trace', Buffer.from(`é${i}`)],
        ],
});

for (const codec of ['none', 'gzip', 'snappy', 'lz4', 'zstd', 'stamped'] as const) {
  test(`what Java's producer has written is read: ${codec}`, () => {
    const bytes = Buffer.from(javaBatches[codec], 'base64');
    const records = all(read(bytes));
    assert.deepEqual(
      records.map(({ offset, record: { key, value, headers } }) => ({ offset, key, value, headers })),
      Array.from({ length: codec === 'stamped' ? 3 : 12 }, (_, i) => ({ offset: i, ...javaRecord(i) })),
    );
    assert.ok(records.every((r) => r.record.timestamp > 1_700_000_000_000));
    // The client ends a batch no later than it stamps its records, so this is the broker's stamp.
    if (codec === 'stamped') assert.equal(new Set(records.map((r) => r.record.timestamp)).size, 1);
  });
}

test("the broker's own markers are understood", () => {
  const records = Buffer.from(javaBatches.txn, 'base64');
  const fetched = { topic: 't', partition: 0, records, aborted: javaBatches.aborted };
  const { batches, nextOffset } = readableBatches(fetched, 0, 'read-committed');
  assert.deepEqual(
    all(batches).map(({ offset, record: { value } }) => [offset, String(value)]),
    [[3, 'c3']],
  );
  assert.equal(nextOffset, 5);
});
