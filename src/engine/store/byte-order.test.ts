import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { type ByteStrings, sortBytewise } from './byte-order.ts';

/** Strings one after the other in one run of bytes. */
function layOut(strings: readonly Buffer[]): ByteStrings {
  const ends = new Uint32Array(strings.length);
  let end = 0;
  for (const [i, { length }] of strings.entries()) ends[i] = end += length;
  const starts = ends.map((at, i) => at - (strings[i] as Buffer).length);
  return { bytes: Buffer.concat(strings), starts, ends };
}

function sorted(strings: readonly Buffer[]): Buffer[] {
  const order = Uint32Array.from(strings, (_, i) => i);
  sortBytewise(layOut(strings), order);
  return Array.from(order, (i) => strings[i] as Buffer);
}

it('sorts by the first byte that differs, and a string before those that it begins', () => {
  const strings = ['b', 'ab', '', 'a', 'a\u0000', 'ÿ', 'aa'].map((text) => Buffer.from(text, 'latin1'));
  assert.deepEqual(
    sorted(strings).map((bytes) => bytes.toString('latin1')),
    ['', 'a', 'a\u0000', 'aa', 'ab', 'b', 'ÿ'],
  );
});

it('sorts strings as a comparison byte by byte does', () => {
  const bytesOf = (...bytes: number[]) =>
    fc.array(fc.constantFrom(...bytes), { maxLength: 40 }).map((list) => Buffer.from(list));
  const strings = fc.oneof(
    fc.array(bytesOf(0, 1), { maxLength: 60 }),
    fc.array(bytesOf(0, 48, 255), { maxLength: 60 }),
    fc.array(
      bytesOf(97).map((rest) => Buffer.concat([Buffer.from('user-'), rest])),
      { maxLength: 60 },
    ),
    fc.array(
      fc.nat(99_999).map((id) => Buffer.from(`user-${id}`)),
      { maxLength: 200 },
    ),
  );
  fc.assert(
    fc.property(strings, (each) => {
      assert.deepEqual(sorted(each), each.toSorted(Buffer.compare));
    }),
  );
});

it('sorts many keys that differ far behind what they have in common', () => {
  const keys = Array.from({ length: 30_000 }, (_, i) => {
    const id = String((i * 7919) % 30_000).padStart(8, '0');
    return Buffer.from(`tenant-${id.slice(-1)}/${'x'.repeat(20)}/${id}`);
  });
  assert.deepEqual(sorted(keys), keys.toSorted(Buffer.compare));
});
