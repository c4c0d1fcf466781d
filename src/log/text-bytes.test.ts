import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { textRoom, writeText } from './text-bytes.ts';

test('a text is written from its place on, by one to four bytes a character', () => {
  const target = Buffer.alloc(12, 0xff);
  assert.equal(writeText(target, 1, 'aé€😀'), 11);
  assert.equal(target.toString('hex'), 'ff61c3a9e282acf09f9880ff');
  assert.equal(writeText(target, 4, ''), 4);
  assert.equal(textRoom('aé€'), 9);
});

test('texts are written as Buffer.from would, in the room that they are said to need', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.nat(5), (a, b, at) => {
      for (const text of [a, b, `${a}\ud800`]) {
        const target = Buffer.alloc(at + textRoom(text));
        const end = writeText(target, at, text);
        assert.deepEqual(target.subarray(at, end), Buffer.from(text));
      }
    }),
  );
});
