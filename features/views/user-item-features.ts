import { invariant } from '#platform';
import type { Interaction } from '#schemas';
import { where } from '../aggregation.ts';
import { newest } from '../aggregations/newest.ts';
import { sum } from '../aggregations/sums.ts';
import { isPositive } from '../interest.ts';
import { crossKey } from '../keys.ts';
import { daysSince } from '../lasting-row.ts';
import { defineView } from '../view.ts';

export const userItemFeaturesView = defineView({
  name: 'user-item-features',
  version: 1,
  entity: 'user-item',
  owner: 'recommendations',
  description: 'How often and how lately a user met an item.',
  tags: ['cross'],
  exampleField: 'pair',
  filter: (event) => event.item_id !== null,
  key: (event) => {
    invariant(event.item_id !== null, 'view user-item-features was given an event without an item');
    return crossKey(event.user_id, event.item_id);
  },
  aggregations: {
    impressions: where(
      ({ kind }) => kind === 'impression',
      sum((_: Interaction) => 1),
    ),
    positives: where(
      isPositive,
      sum((_: Interaction) => 1),
    ),
    events: sum((_: Interaction) => 1),
    last: newest<Interaction>(),
  },
  row: {
    events: 'long',
    impressions: 'long',
    positives: { kind: 'long', doc: 'Events that count as interest.' },
    days_since_last: 'double?',
  },
  updated: ({ last }) => last,
  ttlMs: null,
  finish: ({ events, impressions, positives, last }, now) => ({
    events,
    impressions,
    positives,
    days_since_last: daysSince(last, now),
  }),
});
