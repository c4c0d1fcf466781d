import { invariant } from '#platform';
import type { Interaction } from '#schemas';
import { where } from '../aggregation.ts';
import { countBy } from '../aggregations/counts.ts';
import {
  type DecayedState,
  decayedScoreBucket,
  decayedSum,
  movingDecay,
} from '../aggregations/decayed-sum.ts';
import { newest } from '../aggregations/newest.ts';
import { smoothedRate } from '../aggregations/rate.ts';
import { mean, sum } from '../aggregations/sums.ts';
import { windowed } from '../aggregations/windowed.ts';
import { interactionKinds, interactionWeight, isPositive, isRated } from '../interest.ts';
import { daysSince, movingAge } from '../lasting-row.ts';
import { defineView } from '../view.ts';

export const POPULARITY_HALF_LIFE_MS = 7 * 86_400_000;
/** Before its first impressions an item is taken to be clicked on one time in twenty; twenty outweigh that. */
const CTR_PRIOR = { rate: 0.05, strength: 20 };
/** Before its first views an item is taken to be completed by half; ten views outweigh that. */
const COMPLETION_PRIOR = { rate: 0.5, strength: 10 };

const positiveKinds = interactionKinds.filter((kind) => interactionWeight(kind) > 0);
const one = (_: Interaction) => 1;

export const itemFeaturesView = defineView({
  name: 'item-features',
  version: 2,
  entity: 'item',
  owner: 'recommendations',
  description: 'How an item has fared: counts, mean rating, click-through rate, decayed popularity.',
  tags: ['popularity', 'quality'],
  exampleField: 'item',
  filter: (event) => event.item_id !== null,
  key: (event) => {
    invariant(event.item_id !== null, 'view item-features was given an event without an item');
    return event.item_id;
  },
  aggregations: {
    kinds: countBy(interactionKinds, (event: Interaction) => event.kind),
    lately: where(isPositive, windowed(sum(one), ['24h', '7d', '30d'])),
    rating: where(
      isRated,
      mean((event: Interaction) => event.value ?? 0),
    ),
    // Only interest counts: an impression is the recommender's own act, and would make what it shows look fresh.
    last: where(isPositive, newest<Interaction>()),
    updated: newest<Interaction>(),
    popularity: where(isPositive, decayedSum(POPULARITY_HALF_LIFE_MS, one)),
  },
  row: {
    impressions: 'long',
    views: 'long',
    clicks: 'long',
    completes: 'long',
    likes: 'long',
    comments: 'long',
    ratings: 'long',
    skips: 'long',
    purchases: 'long',
    rating_mean: 'double?',
    ctr: { kind: 'double', doc: 'Clicks over impressions, smoothed.' },
    completion_rate: { kind: 'double', doc: 'Completes over views, smoothed.' },
    positives: { kind: 'long', doc: 'Events that count as interest.' },
    positives_24h: { kind: 'long', doc: 'Of the last 24 hours, in steps of 1 hour.' },
    positives_7d: { kind: 'long', doc: 'Of the last 7 days, in steps of 6 hours.' },
    positives_30d: { kind: 'long', doc: 'Of the last 30 days, in steps of 1 day.' },
    popularity: { kind: 'double', doc: 'Positives, decayed with a half-life of 7 days.' },
    days_since_last: { kind: 'double?', doc: 'Since the newest positive.' },
  },
  updated: ({ updated }) => updated,
  // Popularity and recency decay by themselves; the rest are ratios, which age does not make wrong.
  ttlMs: null,
  finish: ({ kinds, lately, rating, last, popularity }, now) => ({
    impressions: kinds.impression,
    views: kinds.view,
    clicks: kinds.click,
    completes: kinds.complete,
    likes: kinds.like,
    comments: kinds.comment,
    ratings: kinds.rating,
    skips: kinds.skip,
    purchases: kinds.purchase,
    rating_mean: rating,
    ctr: smoothedRate(kinds.click, kinds.impression, CTR_PRIOR),
    completion_rate: smoothedRate(kinds.complete, kinds.view, COMPLETION_PRIOR),
    positives: positiveKinds.reduce((total, kind) => total + kinds[kind], 0),
    positives_24h: lately['24h'],
    positives_7d: lately['7d'],
    positives_30d: lately['30d'],
    popularity,
    days_since_last: daysSince(last, now),
  }),
  moving: [
    movingDecay(
      'popularity',
      POPULARITY_HALF_LIFE_MS,
      ({ popularity }: { readonly popularity: DecayedState }) => popularity,
    ),
    movingAge('days_since_last', ({ last }: { readonly last: number | null }) => last),
  ],
});

export type ItemState = ReturnType<typeof itemFeaturesView.empty>;

/** Where an item stands in a RankHistogram of popularity, which time does not change; null before its first positive. */
export function popularityBucket(state: ItemState): number | null {
  return decayedScoreBucket(state.popularity, POPULARITY_HALF_LIFE_MS);
}
