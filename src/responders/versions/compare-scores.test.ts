import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { AgreementTally, compareScores } from './compare-scores.ts';

const scored = (scores: Readonly<Record<string, number>>) =>
  Object.entries(scores)
    .map(([itemId, score]) => ({ itemId, score }))
    .sort((a, b) => b.score - a.score);

describe('agreement of scores', () => {
  it('is what a hand finds: overlap, rank correlation with ties, mean difference', () => {
    // Ranks 1.5, 1.5, 3, 4 beside 1, 2, 3.5, 3.5: Spearman 1 - ... = 4 / 4.5.
    const [own, other] = [scored({ a: 1, b: 1, c: 2, d: 3 }), scored({ a: 1, b: 2, c: 4, d: 4, e: 9 })];
    const { overlap, correlation, difference } = compareScores(own, other);
    assert.equal(overlap, 4 / 5);
    assert.ok(Math.abs((correlation ?? 0) - 4 / 4.5) < 1e-12, `${correlation}`);
    assert.equal(difference, (0 + 1 + 2 + 1) / 4);
  });

  it('says nothing where there is nothing in common, or one side does not vary', () => {
    assert.deepEqual(compareScores([], []), { overlap: null, correlation: null, difference: null });
    const apart = compareScores(scored({ a: 1 }), scored({ b: 1 }));
    assert.deepEqual(apart, { overlap: 0, correlation: null, difference: null });
    assert.equal(compareScores(scored({ a: 1, b: 1 }), scored({ a: 1, b: 2 })).correlation, null);
  });

  it('is whole with itself, reversed by the negative, and the same from both sides', () => {
    const lists = fc.uniqueArray(fc.integer({ min: -1000, max: 1000 }), { minLength: 2, maxLength: 40 });
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        const list = (scores: readonly number[]) =>
          scored(Object.fromEntries(scores.map((s, i) => [`i${i}`, s])));
        const same = compareScores(list(a), list(a));
        assert.deepEqual([same.overlap, same.difference], [1, 0]);
        assert.ok(Math.abs((same.correlation ?? 0) - 1) < 1e-9);
        const reversed = compareScores(list(a), list(a.map((score) => -score)));
        assert.ok(Math.abs((reversed.correlation ?? 0) + 1) < 1e-9);
        const [there, back] = [compareScores(list(a), list(b)), compareScores(list(b), list(a))];
        assert.equal(there.overlap, back.overlap);
        assert.ok(Math.abs((there.correlation ?? 0) - (back.correlation ?? 0)) < 1e-9);
      }),
    );
  });

  it('is averaged over the requests that say something', () => {
    const tally = new AgreementTally();
    assert.deepEqual(tally.agreement, { requests: 0, overlap: null, correlation: null, difference: null });
    tally.add({ overlap: 1, correlation: null, difference: 2 });
    tally.add({ overlap: 0, correlation: 0.5, difference: 4 });
    assert.deepEqual(tally.agreement, { requests: 2, overlap: 0.5, correlation: 0.5, difference: 3 });
  });
});
