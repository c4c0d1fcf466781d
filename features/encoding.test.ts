import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CanonicalReader, CanonicalWriter, compareBytewise } from './encoding.ts';

const malformed = { code: 'MR_FEATURES_STATE_MALFORMED' };
const lists = fc.array(fc.string({ unit: 'binary', maxLength: 300 }), { maxLength: 20 });
const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.integer({ min: -200, max: 200 }),
  fc
    .tuple(fc.integer({ min: 0, max: 53 }), fc.integer({ min: -1, max: 1 }), fc.constantFrom(-1, 1))
    .map(([power, off, sign]) => sign * Math.min(2 ** power + off, Number.MAX_SAFE_INTEGER) + 0),
);

function write(values: readonly (number | string[])[], writer: CanonicalWriter): Buffer {
  for (const value of values) {
    if (typeof value === 'number') {
      writer.signed(value);
      writer.unsigned(Math.abs(value));
    } else writer.strings(value);
  }
  return writer.take();
}

describe('canonical encoding', () => {
  it('reads back what it wrote, whatever lies before and after', () => {
    const writer = new CanonicalWriter();
    fc.assert(
      fc.property(fc.array(fc.oneof(integers, lists), { maxLength: 40, size: 'max' }), (values) => {
        const reader = new CanonicalReader(write(values, writer));
        for (const value of values) {
          if (typeof value === 'number') {
            assert.equal(reader.signed(), value);
            assert.equal(reader.unsigned(), Math.abs(value));
          } else assert.deepEqual(reader.strings(), value);
        }
        reader.end();
      }),
    );
  });

  it('writes LEB128, zigzag and UTF-8', () => {
    const writer = new CanonicalWriter();
    writer.unsigned(300);
    writer.signed(-1);
    writer.signed(64);
    writer.strings(['aé', '', '\u{1f600}']);
    const text = [3, 2, 0, 2, 7, 0x61, 0xc3, 0xa9, 0xf0, 0x9f, 0x98, 0x80];
    assert.deepEqual([...writer.take()], [0xac, 0x02, 0x01, 0x80, 0x01, ...text]);
  });

  it('hands out bytes that later writing leaves alone, and forgets on reset', () => {
    const writer = new CanonicalWriter();
    writer.strings(['first']);
    const first = writer.take();
    writer.strings(['second']);
    writer.reset();
    writer.unsigned(7);
    assert.deepEqual([...writer.take()], [7]);
    assert.deepEqual(new CanonicalReader(first).strings(), ['first']);
  });

  it('keeps every finite number to the last bit, and integers short', () => {
    const writer = new CanonicalWriter();
    fc.assert(
      fc.property(fc.oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), integers), (value) => {
        writer.number(value);
        const bytes = writer.take();
        const reader = new CanonicalReader(bytes);
        assert.equal(reader.number(), value + 0);
        reader.end();
        if (Number.isInteger(value) && Math.abs(value) < 64) assert.equal(bytes.length, 2);
      }),
    );
    for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
      assert.throws(() => writer.number(value), { code: 'MR_INVARIANT' });
    }
  });

  it('refuses a second way to write a number with or without a fraction, and what is none', () => {
    const doubles = [5, -0, Number.NaN, Number.POSITIVE_INFINITY].map((value) => {
      const bytes = Buffer.alloc(9, 1);
      bytes.writeDoubleBE(value, 1);
      return bytes;
    });
    for (const bytes of [...doubles, Buffer.of(2, 0), Buffer.of(1, 0, 0)]) {
      assert.throws(() => new CanonicalReader(bytes).number(), malformed);
    }
  });

  it('refuses text that is not UTF-8', () => {
    for (const text of [[0xff], [0x61, 0xc3], [0xed, 0xa0, 0x80]]) {
      const bytes = Buffer.from([1, 1, text.length, ...text]);
      assert.throws(() => new CanonicalReader(bytes).strings(), malformed);
    }
  });

  it('refuses numbers that are not exact integers', () => {
    const writer = new CanonicalWriter();
    for (const value of [0.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY]) {
      assert.throws(() => writer.unsigned(value), { code: 'MR_INVARIANT' });
      assert.throws(() => writer.signed(value), { code: 'MR_INVARIANT' });
    }
    assert.throws(() => writer.unsigned(-1), { code: 'MR_INVARIANT' });
  });

  it('refuses a second way to write a number, numbers beyond 2^53, and bytes that end early', () => {
    const reading = (bytes: number[]) => new CanonicalReader(Buffer.from(bytes));
    assert.throws(() => reading([0x80, 0x00]).unsigned(), malformed);
    assert.throws(() => reading([0x82, 0x00]).signed(), malformed);
    assert.throws(() => reading([...Array(7).fill(0xff), 0x7f]).unsigned(), malformed);
    assert.throws(() => reading(Array(40).fill(0xff)).unsigned(), malformed);
    assert.throws(() => reading([0x80]).unsigned(), malformed);
    assert.throws(() => reading([1, 3, 3, 0x61, 0x62]).strings(), malformed);
    assert.throws(() => reading([1, 1, 2, 0x61, 0x62]).strings(), malformed);
    assert.throws(() => reading([200, 1, 1, 1]).strings(), malformed);
    assert.throws(() => reading([1]).end(), malformed);
  });

  it('orders strings as their bytes do', () => {
    const pieces = fc.array(fc.constantFrom('a', 'b', 'é', '\ue000', '\uffff', '\u{10000}', '\u{1f600}'));
    fc.assert(
      fc.property(pieces, pieces, (left, right) => {
        const [a, b] = [left.join(''), right.join('')];
        const expected = Buffer.compare(Buffer.from(a), Buffer.from(b));
        assert.equal(Math.sign(compareBytewise(a, b)), expected);
      }),
    );
  });
});
