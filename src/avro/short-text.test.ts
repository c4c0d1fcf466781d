import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { shortText } from './short-text.ts';

test('gives a short text of ASCII as it is, and nothing in place of another', () => {
  const texts = fc.oneof(
    fc.string({ unit: 'binary-ascii', maxLength: 40 }),
    fc.string({ unit: 'binary', maxLength: 40 }),
  );
  fc.assert(
    fc.property(texts, fc.nat(3), (text, before) => {
      const own = Buffer.from(text);
      const bytes = Buffer.concat([Buffer.alloc(before, 0xff), own, Buffer.from('more')]);
      const read = shortText(bytes, before, before + own.length);
      const isShort = own.length <= 30 && own.every((byte) => byte < 128);
      assert.equal(read, isShort ? text : undefined);
    }),
  );
});
