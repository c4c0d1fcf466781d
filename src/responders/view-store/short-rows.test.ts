import assert from 'node:assert/strict';
import { it } from 'node:test';
import { ShortRows } from './short-rows.ts';

it('gives values back as they were, of however many schemas, and shorter in between', () => {
  const rows = new ShortRows();
  const values = Array.from({ length: 600 }, (_, i) => {
    const value = Buffer.alloc(5 + (i % 7), i % 251);
    value.writeUInt8(0, 0);
    value.writeUInt32BE(1_000_000 + (i % 300), 1);
    return value;
  });
  const short = values.map((value) => rows.shorten(value));
  for (const [i, value] of values.entries()) {
    const row = short[i] as Buffer;
    assert.ok(rows.lengthen(row).equals(value));
    assert.equal(row.length, i % 300 < 255 ? value.length - 4 : value.length + 1);
  }
});
