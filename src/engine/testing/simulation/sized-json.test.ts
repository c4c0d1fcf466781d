import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { sizedJson } from './sized-json.ts';

const serde = sizedJson<unknown>(1);
const sizes = Array.from({ length: 500 }, (_, n) => serde.encode(n).length);

it('sizes range from none to several kilobytes, and versions often differ by one byte', () => {
  assert.equal(serde.encode(1).length, 0);
  assert.ok(sizes.some((size) => size > 4_000));
  const steps = sizes.slice(1).map((size, i) => size - (sizes[i] as number));
  for (const step of [-1, 1]) assert.ok(steps.filter((each) => each === step).length > 10, `${step}`);
});

it('a value comes back from its bytes, alone and among others', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(), fc.record({ n: fc.nat() }, { noNullPrototype: true })), (value) => {
      const bytes = serde.encode(value);
      assert.deepEqual(serde.decode(bytes), value);
      const target = Buffer.alloc(bytes.length + 2, 9);
      assert.equal(serde.encodeInto?.(value, target, 1), bytes.length + 1);
      assert.deepEqual(serde.decodeAt?.(target, 1, bytes.length + 1), value);
      assert.deepEqual([target[0], target.at(-1)], [9, 9]);
      if (bytes.length > 0) assert.equal(serde.encodeInto?.(value, target.subarray(0, bytes.length), 1), -1);
    }),
  );
});

it('bytes that were cut, run into others, or left from a longer value are refused', () => {
  const value = sizes.indexOf(128);
  const bytes = serde.encode(value);
  for (const wrong of [
    bytes.subarray(0, -1),
    Buffer.concat([bytes, Buffer.from('x')]),
    Buffer.concat([bytes, bytes]),
  ])
    assert.throws(() => serde.decode(wrong), /bytes are not those of/);
  assert.throws(() => serde.decode(Buffer.from('no json')), SyntaxError);
});
