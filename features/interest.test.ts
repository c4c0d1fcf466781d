import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { interactionKinds, interactionWeight, isPositive, isSeen } from './interest.ts';
import { interaction } from './testing/interactions.ts';

describe('interest', () => {
  it('weighs every kind', () => {
    assert.deepEqual(Object.fromEntries(interactionKinds.map((kind) => [kind, interactionWeight(kind)])), {
      impression: 0,
      search: 0,
      skip: 0,
      view: 0.5,
      click: 0.5,
      complete: 1,
      like: 1,
      comment: 1,
      rating: 1,
      purchase: 1,
      quiz_score: 1,
    });
  });

  it('is positive for a weight and an item, and seen for a skip as well', () => {
    const positive = interactionKinds.filter((kind) => isPositive(interaction({ kind })));
    const seen = interactionKinds.filter((kind) => isSeen(interaction({ kind })));
    assert.deepEqual(
      positive,
      interactionKinds.filter((kind) => interactionWeight(kind) > 0),
    );
    assert.deepEqual(new Set(seen), new Set([...positive, 'skip']));
  });

  it('is nothing without an item', () => {
    assert.equal(isPositive(interaction({ kind: 'like', item_id: null })), false);
    assert.equal(isSeen(interaction({ kind: 'like', item_id: null })), false);
  });
});
