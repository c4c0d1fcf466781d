import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Interaction, InteractionKind, ItemFacts } from '#schemas';
import { splitCrossKey } from '../keys.ts';
import { daysSince } from '../lasting-row.ts';
import { EPOCH_MS, interaction, interactions } from '../testing/interactions.ts';
import { assertLaws, fold } from '../testing/laws.ts';
import { itemFeaturesView } from './item-features.ts';
import { itemProfileView } from './item-profile.ts';
import { userCategoryFeaturesView } from './user-category-features.ts';
import { seenItems, userFeaturesView } from './user-features.ts';
import { userItemFeaturesView } from './user-item-features.ts';
import { userProfileView } from './user-profile.ts';

const DAY_MS = 86_400_000;
const HALF_HOUR_MS = 1_800_000;

/** One event a kind given, on items i1, i2, ... in order, a minute apart. */
function acts(...kinds: InteractionKind[]): Interaction[] {
  return kinds.map((kind, index) =>
    interaction({ event_id: `e${index}`, item_id: `i${index + 1}`, kind, ts: EPOCH_MS + index * 60_000 }),
  );
}

/** All in the hour of midnight but one, a millisecond before it. */
function atMidnight(events: number): number[] {
  return Array.from({ length: 24 }, (_, hour) => (hour === 0 ? events - 1 : hour === 23 ? 1 : 0));
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
    const facts = (category: string, ...tags: string[]) => {
      return { type: 'movie', category, tags, duration_ms: null, difficulty: null, created: 0 } as const;
    };
    const catalogued = events.map((event) => {
      if (event.item_id === 'i2') return { ...event, item: facts('Drama', 'old', 'long') };
      return event.item_id === 'i4' ? { ...event, item: facts('Action', 'old') } : event;
    });
    const now = EPOCH_MS + DAY_MS + 10_000;
    assert.deepEqual(userFeaturesView.finish(fold(userFeaturesView, catalogued), now), {
      events: 13,
      views: 2,
      clicks: 1,
      completes: 1,
      likes: 1,
      comments: 1,
      ratings: 3,
      skips: 1,
      purchases: 1,
      quizzes: 0,
      searches: 1,
      events_1h: 4,
      events_24h: 13,
      events_7d: 13,
      events_30d: 13,
      hours: atMidnight(13),
      // 2025-01-01 was a Wednesday, and one rating was given a millisecond before midnight of the next day.
      weekdays: [0, 0, 10, 3, 0, 0, 0],
      rating_mean: 3.75,
      quiz_score_mean: null,
      watch_ms: 5000,
      watch_ms_mean: 5000,
      completion_rate: (1 + 5) / (2 + 10),
      favourite_categories: ['Drama', 'Action'],
      favourite_tags: ['old', 'long'],
      recent_items: ['i3', 'i9', 'i2', 'i8', 'i5', 'i4'],
      session_items: ['i3', 'i9', 'i2', 'i8', 'i5', 'i4'],
      session_position: 4,
      session_ms: 3,
      days_since_last: (10_000 - 2) / DAY_MS,
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
      comments: 0,
      ratings: 2,
      skips: 1,
      purchases: 0,
      rating_mean: 3.5,
      ctr: (1 + 1) / (3 + 20),
      completion_rate: (1 + 5) / (1 + 10),
      positives: 6,
      positives_24h: 0,
      positives_7d: 6,
      positives_30d: 6,
      popularity: 3,
      days_since_last: 7,
    });
  });
});

describe('crossed views', () => {
  const facts: ItemFacts = {
    type: 'movie',
    category: 'Drama',
    tags: [],
    duration_ms: null,
    difficulty: null,
    created: 0,
  };
  const catalogued = interactions.map((event) => ({ ...event, item: facts }));

  it('obey the laws', () => {
    assertLaws(userCategoryFeaturesView, catalogued, { runs: 100 });
    const onItems = interactions.filter((event) => userItemFeaturesView.filter(event));
    assertLaws(userItemFeaturesView, onItems, { runs: 100 });
  });

  it('are keyed by both, and take the events that name both', () => {
    const event = interaction({ user_id: 'u1', item_id: 'i7' });
    assert.equal(userCategoryFeaturesView.filter(event), false, 'the item was unknown');
    assert.deepEqual(splitCrossKey(userCategoryFeaturesView.key({ ...event, item: facts })), ['u1', 'Drama']);
    assert.deepEqual(splitCrossKey(userItemFeaturesView.key(event)), ['u1', 'i7']);
    assert.equal(userItemFeaturesView.filter(interaction({ kind: 'search' })), false);
  });

  it('say how much a user cares, and since when', () => {
    const events = acts('impression', 'view', 'like').map((event) => ({
      ...event,
      item_id: 'i1',
      item: facts,
    }));
    const now = EPOCH_MS + 2 * 60_000 + DAY_MS;
    assert.deepEqual(userItemFeaturesView.finish(fold(userItemFeaturesView, events), now), {
      events: 3,
      impressions: 1,
      positives: 2,
      days_since_last: 1,
    });
    const { affinity, ...row } = userCategoryFeaturesView.finish(fold(userCategoryFeaturesView, events), now);
    assert.deepEqual(row, { events: 3, positives: 2, days_since_last: 1 });
    assert.ok(affinity > 1.9 && affinity < 2, `${affinity}`);
  });
});

describe('views of records', () => {
  it('make a row of a record, and one of none', () => {
    const now = EPOCH_MS + 10 * DAY_MS;
    const user = {
      user_id: 'u',
      age: 30,
      gender: 'female',
      occupation: 'baker',
      country: 'FR',
      language: 'fr',
    } as const;
    assert.deepEqual(userProfileView.finish({ ...user, created: EPOCH_MS }, now), {
      age: 30,
      gender: 'female',
      occupation: 'baker',
      country: 'FR',
      language: 'fr',
      cohort: '2025-01',
      days_since_joined: 10,
    });
    assert.deepEqual(itemProfileView.finish(null, now), {
      type: null,
      category: null,
      tags: [],
      duration_ms: null,
      difficulty: null,
      language: null,
      age_days: null,
    });
  });
});

describe('single features', () => {
  it('fall back to their default after their own ttl, and are named', () => {
    const state = fold(userFeaturesView, acts('like'));
    const held = userFeaturesView.read(state, EPOCH_MS + 3_600_000);
    assert.deepEqual(held.row.session_items, ['i1']);
    assert.deepEqual(held.expired, []);
    const late = userFeaturesView.read(state, EPOCH_MS + 3_600_001);
    assert.deepEqual(late.row.session_items, []);
    assert.deepEqual(late.row.recent_items, ['i1']);
    assert.deepEqual(late.expired, ['session_items']);
    assert.equal(late.updated, EPOCH_MS);
    const longer = userFeaturesView.withFeatureTtls({ session_items: 7_200_000 });
    assert.deepEqual(longer.read(state, EPOCH_MS + 3_600_001).expired, []);
    assert.throws(() => userFeaturesView.withFeatureTtls({ nothing: 1 }), { code: 'MR_INVARIANT' });
  });
});

describe('daysSince', () => {
  it('is null without a time and 0 for one to come', () => {
    assert.equal(daysSince(null, 5), null);
    assert.equal(daysSince(DAY_MS, 0), 0);
    assert.equal(daysSince(0, DAY_MS / 2), 0.5);
  });
});
