import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeRow, encodeRow } from './row-format.ts';

describe('row format', () => {
  it('returns what was put in', () => {
    const fields = {
      partition: fc.nat(0xffff_ffff),
      offset: fc.maxSafeNat(),
      timestamp: fc.maxSafeInteger(),
      value: fc.option(fc.uint8Array({ maxLength: 50 }).map((bytes) => Buffer.from(bytes))),
    };
    const row = fc.record(fields, { noNullPrototype: true });
    fc.assert(fc.property(row, (given) => assert.deepEqual(decodeRow(encodeRow(given)), given)));
  });

  it('knows what is no row', () => {
    const row = encodeRow({ partition: 1, offset: 2, timestamp: 3, value: Buffer.from('value') });
    assert.equal(decodeRow(Buffer.alloc(0)), undefined);
    assert.equal(decodeRow(row.subarray(0, row.length - 'value'.length - 1)), undefined);
    assert.equal(decodeRow(Buffer.concat([Buffer.from([2]), row.subarray(1)])), undefined);
    for (const places of [0, 200]) {
      const wrong = Buffer.from(row);
      wrong[10] = places;
      assert.equal(decodeRow(wrong), undefined);
    }
  });
});
