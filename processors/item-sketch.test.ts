import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { emptySketch, itemsInSketch, mergeSketches, withItems } from './item-sketch.ts';

const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `item-${from + i}`);

it('tells the number of distinct items within 7%, which is two standard errors', () => {
  for (const count of [0, 1, 10, 100, 1_000, 2_000, 3_000, 100_000]) {
    const found = itemsInSketch(withItems(emptySketch(), ids(0, count)));
    assert.ok(Math.abs(found - count) <= 0.07 * count, `${found} of ${count}`);
  }
});

it('does not depend on order and repetition, and two are merged into that of both', () => {
  const texts = fc.array(fc.string(), { maxLength: 50 });
  fc.assert(
    fc.property(texts, texts, (a, b) => {
      const both = withItems(emptySketch(), [...a, ...b]);
      assert.deepEqual(withItems(withItems(emptySketch(), [...b, ...b]), a), both);
      assert.deepEqual(mergeSketches(withItems(emptySketch(), a), withItems(emptySketch(), b)), both);
    }),
  );
});

it('a sketch that is given is never changed, and returned where nothing is new', () => {
  const sketch = withItems(emptySketch(), ['a']);
  const before = Buffer.from(sketch);
  assert.notEqual(withItems(sketch, ['b']), sketch);
  assert.deepEqual(sketch, before);
  assert.equal(withItems(sketch, ['a']), sketch);
});
