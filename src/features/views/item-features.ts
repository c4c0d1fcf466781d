import { invariant } from '#platform';
import type { Interaction, ItemFeatures } from '#schemas';
import { where } from '../aggregation.ts';
import { countBy } from '../aggregations/counts.ts';
import { decayedSum } from '../aggregations/decayed-sum.ts';
import { newest } from '../aggregations/newest.ts';
import { mean } from '../aggregations/sums.ts';
import { interactionKinds, interactionWeight, isPositive } from '../interest.ts';
import { defineView } from '../view.ts';
import { daysSince, isRated, smoothedRate } from './ratios.ts';

const POPULARITY_HALF_LIFE_MS = 7 * 86_400_000;
/** Before its first impressions an item is taken to be clicked on one time in twenty; twenty outweigh that. */
const CTR_PRIOR = { rate: 0.05, strength: 20 };

const positiveKinds = interactionKinds.filter((kind) => interactionWeight(kind) > 0);

export const itemFeaturesView = defineView({
  name: 'item-features',
  version: 1,
  entity: 'item',
  owner: 'recommendations',
  description: 'How an item has fared: counts, mean rating, click-through rate, decayed popularity.',
  filter: (event) => event.item_id !== null,
  key: (event) => {
    invariant(event.item_id !== null, 'view item-features was given an event without an item');
    return event.item_id;
  },
  aggregations: {
    kinds: countBy(interactionKinds, (event: Interaction) => event.kind),
    rating: where(
      isRated,
      mean((event: Interaction) => event.value ?? 0),
    ),
    // Of interest alone: an impression is the recommender's own act, and would make what it shows look fresh.
    last: where(isPositive, newest<Interaction>()),
    popularity: where(
      isPositive,
      decayedSum(POPULARITY_HALF_LIFE_MS, (_: Interaction) => 1),
    ),
  },
  // Popularity and recency decay by themselves; the rest are ratios, which age does not make wrong.
  ttl: null,
  finish: ({ kinds, rating, last, popularity }, now): ItemFeatures => ({
    impressions: kinds.impression,
    views: kinds.view,
    clicks: kinds.click,
    completes: kinds.complete,
    likes: kinds.like,
    ratings: kinds.rating,
    skips: kinds.skip,
    rating_mean: rating,
    ctr: smoothedRate(kinds.click, kinds.impression, CTR_PRIOR),
    positives: positiveKinds.reduce((total, kind) => total + kinds[kind], 0),
    popularity,
    days_since_last: daysSince(last, now),
  }),
});

export type ItemState = ReturnType<typeof itemFeaturesView.empty>;
