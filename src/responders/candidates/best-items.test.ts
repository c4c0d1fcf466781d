import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { itemIdOf, itemNumber } from '../view-store/item-numbers.ts';
import { BestItems } from './best-items.ts';

it('keeps what sorting all items would put first, whatever order they come in', () => {
  const offered = fc.uniqueArray(
    fc.record({ itemId: fc.string({ maxLength: 3 }), score: fc.integer({ min: -2, max: 2 }) }),
    {
      selector: ({ itemId }) => itemId,
      maxLength: 60,
    },
  );
  fc.assert(
    fc.property(offered, fc.integer({ min: 1, max: 12 }), (items, most) => {
      const best = new BestItems(most);
      for (const { itemId, score } of items) best.offer(itemNumber(itemId), score);
      const ids = items.map(({ itemId }) => itemId).sort();
      const scoreOf = new Map(items.map(({ itemId, score }) => [itemId, score]));
      const ranked = ids.toSorted((a, b) => (scoreOf.get(b) ?? 0) - (scoreOf.get(a) ?? 0));
      assert.deepEqual(
        best.finish().map(({ item }) => itemIdOf(item)),
        ranked.slice(0, most),
      );
    }),
  );
});
