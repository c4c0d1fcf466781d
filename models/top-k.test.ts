import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { bitmapOf, inBitmap, rankScores, TopK } from './top-k.ts';

const scores = fc.array(fc.integer({ min: -4, max: 4 }), { maxLength: 60 });

test('rankScores is a full sort by score, then id, cut at k', () => {
  fc.assert(
    fc.property(scores, fc.nat(70), fc.array(fc.nat(59)), (values, k, excluded) => {
      const expected = values
        .map((score, id) => ({ id, score }))
        .filter(({ id }) => !excluded.includes(id))
        .sort((a, b) => b.score - a.score || a.id - b.id)
        .slice(0, k);
      const ranked = rankScores(values, k, bitmapOf(excluded, 60));
      assert.deepEqual(
        [...ranked.ids],
        expected.map(({ id }) => id),
      );
      assert.deepEqual(
        [...ranked.scores],
        expected.map(({ score }) => score),
      );
    }),
  );
});

test('the order of offers does not matter', () => {
  const shuffledOffers = scores.chain((values) =>
    fc.shuffledSubarray([...values.keys()], { minLength: values.length }).map((order) => ({ values, order })),
  );
  fc.assert(
    fc.property(shuffledOffers, fc.nat(20), ({ values, order }, k) => {
      const best = new TopK(k);
      for (const id of order) best.offer(id, values[id] as number);
      assert.deepEqual(best.finish(), rankScores(values, k));
    }),
  );
});

test('one that begins again has nothing of what it had', () => {
  fc.assert(
    fc.property(scores, scores, fc.nat(20), fc.nat(20), (before, values, kBefore, k) => {
      const best = new TopK(kBefore);
      for (const [id, score] of before.entries()) best.offer(id, score);
      best.finish();
      best.begin(k);
      for (const [id, score] of values.entries()) best.offer(id, score);
      assert.deepEqual(best.finish(), rankScores(values, k));
    }),
  );
});

test('a bitmap holds its ids and no others', () => {
  const bitmap = bitmapOf([0, 9, 16], 17);
  assert.deepEqual(
    Array.from({ length: 40 }, (_, id) => id).filter((id) => inBitmap(bitmap, id)),
    [0, 9, 16],
  );
});
