import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { TextPool } from './text-pool.ts';

const texts = fc.array(
  fc.oneof(fc.string({ unit: 'binary', maxLength: 50 }), fc.constantFrom('a', 'é', 'ÿ', 'id-1', 'id-2')),
);

test('gives every text as it is, however many share a slot', () => {
  fc.assert(
    fc.property(texts, fc.nat(5), (given, padding) => {
      const pool = new TextPool(1);
      for (const text of [...given, ...given]) {
        const bytes = Buffer.concat([Buffer.alloc(padding), Buffer.from(text), Buffer.alloc(padding)]);
        assert.equal(pool.text(bytes, padding, bytes.length - padding), Buffer.from(text).toString());
      }
    }),
  );
});

test('bytes that are no UTF-8 read as they do without it', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 6 })), (given) => {
      const pool = new TextPool(1);
      for (const each of [...given, ...given]) {
        const bytes = Buffer.from(each);
        assert.equal(pool.text(bytes, 0, bytes.length), bytes.toString());
      }
    }),
  );
});
