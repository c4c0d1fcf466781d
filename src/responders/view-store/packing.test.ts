import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Packing } from './packing.ts';

/** Bytes with runs of any length and distance, as well as without. */
const bytes = fc
  .array(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }).map((part) => Buffer.from(part)),
      fc.constantFrom('Drama', 'Documentary', 'i1189', '').map((part) => Buffer.from(part)),
      fc
        .tuple(fc.nat(255), fc.constantFrom(1, 9, 10, 11, 137, 138, 1_500, 40_000))
        .map(([fill, length]) => Buffer.alloc(length, fill)),
      fc
        .tuple(fc.nat(1_000_000), fc.constantFrom(6, 7, 8, 134, 135, 1_030, 20_000))
        .map(([seed, length]) => Buffer.from(Array.from({ length }, (_, i) => hashed(seed + i)))),
    ),
    { maxLength: 12 },
  )
  .map((parts) => Buffer.concat(parts));

function hashed(value: number): number {
  return (Math.imul(value + 1, 0x9e3779b1) ^ (value << 7)) >>> 24;
}

describe('Packing', () => {
  it('returns what was packed, whatever it is, wherever it lies and whatever is known before it', () => {
    const packing = new Packing();
    fc.assert(
      fc.property(bytes, bytes, bytes, (before, known, whole) => {
        const placed = Buffer.concat([before, known, whole, before]);
        const start = before.length + known.length;
        const packed = packing.pack(placed, before.length, start, start + whole.length);
        assert.ok(packed.length <= 1.25 * whole.length + 8, `${whole.length} bytes make ${packed.length}`);
        const stored = Buffer.concat([known, packed, before]);
        assert.ok(packing.unpack(stored, known.length, known, known.length).equals(whole));
      }),
      { numRuns: 300 },
    );
  });

  it('writes once what is there twice', () => {
    const packing = new Packing();
    const once = Buffer.from(Array.from({ length: 300 }, (_, i) => hashed(i)));
    const twice = Buffer.concat([once, once, once]);
    assert.ok(packing.pack(twice, 0, 0, 900).length < 320);
    assert.ok(packing.pack(twice, 0, 300, 900).length < 12);
  });
});
