import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ExternalInput } from '#models';
import { modelFeatures } from './model-inputs.ts';

const views = { 'user-features': 2, 'item-features': 2, 'item-profile': 1 };

function read(features: readonly string[], type: ExternalInput['type'] = 'float32', of: object = views) {
  const input = { name: 'x', type, features, missing: 0 };
  return modelFeatures({ inputs: [input], views: of as typeof views });
}

describe('features of a model from outside', () => {
  it('are those of declared views, in the order of the inputs', () => {
    const input = { name: 'x', type: 'float32', missing: 0 } as const;
    const inputs = [
      { ...input, features: ['item-features.ctr', 'user-features.rating_mean'] },
      { ...input, name: 'y', features: ['user-features.events'] },
    ];
    assert.deepEqual(modelFeatures({ inputs, views }), [
      { view: 'item-features', feature: 'ctr', isText: false },
      { view: 'user-features', feature: 'rating_mean', isText: false },
      { view: 'user-features', feature: 'events', isText: false },
    ]);
    const text = { view: 'item-profile', feature: 'category', isText: true };
    assert.deepEqual(read(['item-profile.category'], 'string'), [text]);
    assert.equal(read(['user-features.events'], 'int64').length, 1);
  });

  const refused = (given: () => unknown, message: RegExp, hint: RegExp) =>
    assert.throws(given, (error: Error & { code?: string; hint?: string }) => {
      assert.equal(error.code, 'MR_MODEL_FEATURE');
      assert.match(error.message, message);
      assert.match(error.hint ?? '', hint);
      return true;
    });

  it('are refused where no view declares them', () => {
    refused(() => read(['users.events']), /no view users/, /item-features, .*user-features/);
    refused(() => read(['user-features.evnts']), /has no feature evnts/, /events, views/);
  });

  it('are refused where they are of another version of the view, or of none', () => {
    const other = { 'user-features': 1 };
    refused(() => read(['user-features.events'], 'float32', other), /version 1 .*version is 2/, /Retrain it/);
    refused(() => read(['user-features.events'], 'float32', {}), /without stating/, /"user-features": 2/);
  });

  it('are refused where the input cannot hold them', () => {
    refused(() => read(['user-features.recent_items']), /string\[\].*float32/, /another/);
    refused(() => read(['item-profile.category']), /string\?.*float32/, /another/);
    refused(() => read(['item-features.ctr'], 'int64'), /double.*int64/, /another/);
    refused(() => read(['user-features.events'], 'string'), /long.*string/, /another/);
  });
});
