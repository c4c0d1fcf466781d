import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Interaction, InteractionKind } from '#schemas';
import { EPOCH_MS, interaction, interactions } from '../testing/interactions.ts';
import { assertLaws, fold } from '../testing/laws.ts';
import { itemFeaturesView } from './item-features.ts';
import { daysSince, smoothedRate } from './ratios.ts';
import { seenItems, userFeaturesView } from './user-features.ts';

const DAY_MS = 86_400_000;
const HALF_HOUR_MS = 1_800_000;

/** One event a kind given, on items i1, i2, ... in order, a minute apart. */
function acts(...kinds: InteractionKind[]): Interaction[] {
  return kinds.map((kind, index) =>
    interaction({ event_id: `e${index}`, item_id: `i${index + 1}`, kind, ts: EPOCH_MS + index * 60_000 }),
  );
}

describe('view user-features', () => {
  it('obeys the laws', () => assertLaws(userFeaturesView, interactions));

  it('gives exactly the row of UserFeatures', () => {
    const events = [
      ...acts('impression', 'view', 'click', 'complete', 'like', 'skip', 'search', 'comment', 'purchase'),
      interaction({ event_id: 'r1', item_id: 'i2', kind: 'rating', value: 4, ts: EPOCH_MS + DAY_MS }),
      interaction({ event_id: 'r2', item_id: 'i9', kind: 'rating', value: 3.5, ts: EPOCH_MS + DAY_MS + 1 }),
      interaction({ event_id: 'r3', item_id: 'i9', kind: 'rating', ts: EPOCH_MS + DAY_MS - 1 }),
      interaction({ event_id: 'w', item_id: 'i3', watch_ms: 5000, ts: EPOCH_MS + DAY_MS + 2 }),
    ];
    assert.deepEqual(userFeaturesView.finish(fold(userFeaturesView, events), EPOCH_MS + 3 * DAY_MS + 2), {
      events: 13,
      views: 2,
      clicks: 1,
      completes: 1,
      likes: 1,
      ratings: 3,
      skips: 1,
      rating_mean: 3.75,
      watch_ms: 5000,
      completion_rate: (1 + 5) / (2 + 10),
      recent_items: ['i3', 'i9', 'i2', 'i8', 'i5', 'i4'],
      days_since_last: 2,
    });
  });

  it('shows 50 recent items and remembers 1,000 seen ones', () => {
    const events = Array.from({ length: 1200 }, (_, index) =>
      interaction({ event_id: `e${index}`, item_id: `i${index}`, ts: EPOCH_MS + index }),
    );
    const state = fold(userFeaturesView, events);
    const newestFirst = events.map((event) => event.item_id).reverse();
    assert.deepEqual(userFeaturesView.finish(state, EPOCH_MS).recent_items, newestFirst.slice(0, 50));
    assert.deepEqual(seenItems(state), newestFirst.slice(0, 1000));
  });

  it('counts a skip as seen but not as interest, and an impression or a search as neither', () => {
    const state = fold(userFeaturesView, acts('view', 'skip', 'impression', 'search'));
    assert.deepEqual(userFeaturesView.finish(state, EPOCH_MS).recent_items, ['i1']);
    assert.deepEqual(seenItems(state), ['i2', 'i1']);
  });

  it('reads as an empty row beyond the ttl, while the state still knows what was seen', () => {
    const state = fold(userFeaturesView, acts('like'));
    const ttlMs = userFeaturesView.ttlMs as number;
    const unknown = userFeaturesView.finish(userFeaturesView.empty(), EPOCH_MS);
    assert.equal(unknown.days_since_last, null);
    assert.equal(userFeaturesView.finish(state, EPOCH_MS + ttlMs).likes, 1);
    assert.deepEqual(userFeaturesView.finish(state, EPOCH_MS + ttlMs + 1), unknown);
    assert.deepEqual(seenItems(state), ['i1']);
  });

  it('refuses a state of another version', () => {
    const bytes = userFeaturesView.encode(userFeaturesView.empty());
    bytes[0] = userFeaturesView.version + 1;
    assert.throws(() => userFeaturesView.decode(bytes), { code: 'MR_FEATURES_STATE_VERSION' });
  });

  it('encodes whole states after an encoding that failed', () => {
    const broken = userFeaturesView.empty();
    broken.watchMs = 0.5;
    const expected = userFeaturesView.encode(userFeaturesView.empty());
    assert.throws(() => userFeaturesView.encode(broken), { code: 'MR_INVARIANT' });
    assert.deepEqual(userFeaturesView.encode(userFeaturesView.empty()), expected);
  });
});

describe('view item-features', () => {
  const onItems = interactions.filter((event) => itemFeaturesView.filter(event));

  it('obeys the laws', () => assertLaws(itemFeaturesView, onItems));

  it('takes the events that name an item', () => {
    assert.equal(itemFeaturesView.filter(interaction({ kind: 'search' })), false);
    assert.equal(itemFeaturesView.key(interaction({ item_id: 'i7' })), 'i7');
    assert.throws(() => itemFeaturesView.key(interaction({ kind: 'search' })), { code: 'MR_INVARIANT' });
  });

  it('gives exactly the row of ItemFeatures', () => {
    const kinds: InteractionKind[] = [
      'impression',
      'impression',
      'view',
      'click',
      'complete',
      'like',
      'skip',
    ];
    const events = [
      ...acts(...kinds),
      interaction({ kind: 'rating', value: 5, ts: EPOCH_MS + HALF_HOUR_MS }),
      interaction({ kind: 'rating', value: 2, ts: EPOCH_MS }),
      interaction({ kind: 'impression', ts: EPOCH_MS + 6 * DAY_MS }),
    ].map((event) => ({ ...event, item_id: 'i1' }));
    const now = EPOCH_MS + 7 * DAY_MS + HALF_HOUR_MS;
    assert.deepEqual(itemFeaturesView.finish(fold(itemFeaturesView, events), now), {
      impressions: 3,
      views: 1,
      clicks: 1,
      completes: 1,
      likes: 1,
      ratings: 2,
      skips: 1,
      rating_mean: 3.5,
      ctr: (1 + 1) / (3 + 20),
      positives: 6,
      popularity: 3,
      days_since_last: 7,
    });
  });
});

describe('smoothedRate', () => {
  const prior = { rate: 0.2, strength: 10 };

  it('starts at the prior and ends at the observed rate, never beyond 1', () => {
    assert.equal(smoothedRate(0, 0, prior), 0.2);
    assert.ok(Math.abs(smoothedRate(5e6, 1e7, prior) - 0.5) < 1e-6);
    assert.ok(smoothedRate(1000, 0, prior) < 1);
  });
});

describe('daysSince', () => {
  it('is null without a time and 0 for one to come', () => {
    assert.equal(daysSince(null, 5), null);
    assert.equal(daysSince(DAY_MS, 0), 0);
    assert.equal(daysSince(0, DAY_MS / 2), 0.5);
  });
});
