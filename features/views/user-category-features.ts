import { invariant } from '#platform';
import type { Interaction } from '#schemas';
import { where } from '../aggregation.ts';
import { decayedSum } from '../aggregations/decayed-sum.ts';
import { newest } from '../aggregations/newest.ts';
import { sum } from '../aggregations/sums.ts';
import { isPositive } from '../interest.ts';
import { crossKey } from '../keys.ts';
import { daysSince } from '../lasting-row.ts';
import { defineView } from '../view.ts';

/** Tastes in categories drift over months. */
const AFFINITY_HALF_LIFE_MS = 30 * 86_400_000;

/** The event's category, as the catalogue had it; null where it names no item or the item was unknown. */
export function categoryOf(event: Interaction): string | null {
  return event.item?.category ?? null;
}

export const userCategoryFeaturesView = defineView({
  name: 'user-category-features',
  version: 1,
  entity: 'user-category',
  owner: 'recommendations',
  description: 'How much a user cares for a category, and since when.',
  tags: ['taste', 'cross'],
  exampleField: 'category',
  filter: (event) => categoryOf(event) !== null,
  key: (event) => {
    const category = categoryOf(event);
    invariant(category !== null, 'view user-category-features was given an event without a category');
    return crossKey(event.user_id, category);
  },
  aggregations: {
    events: sum((_: Interaction) => 1),
    positives: where(
      isPositive,
      sum((_: Interaction) => 1),
    ),
    affinity: where(
      isPositive,
      decayedSum(AFFINITY_HALF_LIFE_MS, (_: Interaction) => 1),
    ),
    last: newest<Interaction>(),
  },
  row: {
    events: 'long',
    positives: { kind: 'long', doc: 'Events that count as interest.' },
    affinity: { kind: 'double', doc: 'Positives, decayed with a half-life of 30 days.' },
    days_since_last: 'double?',
  },
  updated: ({ last }) => last,
  ttlMs: null,
  finish: ({ events, positives, affinity, last }, now) => ({
    events,
    positives,
    affinity,
    days_since_last: daysSince(last, now),
  }),
});
