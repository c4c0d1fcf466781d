import type { Interaction, UserFeatures } from '#schemas';
import { where } from '../aggregation.ts';
import { countBy } from '../aggregations/counts.ts';
import { newest } from '../aggregations/newest.ts';
import { recentDistinct } from '../aggregations/recent-distinct.ts';
import { mean, sum } from '../aggregations/sums.ts';
import { interactionKinds, isPositive, isSeen } from '../interest.ts';
import { defineView } from '../view.ts';
import { daysSince, isRated, smoothedRate } from './ratios.ts';

const DAY_MS = 86_400_000;
/** What the model reads. */
const RECENT_ITEMS = 50;
/** What is filtered from answers; a user may see an item again after as many others. */
const SEEN_ITEMS = 1000;
/** Before its first views a user is taken to complete half of them; ten views outweigh that. */
const COMPLETION_PRIOR = { rate: 0.5, strength: 10 };

const aggregations = {
  kinds: countBy(interactionKinds, (event: Interaction) => event.kind),
  rating: where(
    isRated,
    mean((event: Interaction) => event.value ?? 0),
  ),
  watchMs: sum((event: Interaction) => event.watch_ms ?? 0),
  last: newest<Interaction>(),
  recent: where(
    isPositive,
    recentDistinct(RECENT_ITEMS, (event: Interaction) => event.item_id),
  ),
  seen: where(
    isSeen,
    recentDistinct(SEEN_ITEMS, (event: Interaction) => event.item_id),
  ),
};

export const userFeaturesView = defineView({
  name: 'user-features',
  version: 1,
  entity: 'user',
  owner: 'recommendations',
  description:
    'What a user has done: counts, mean rating, completion rate, and the items of latest interest.',
  filter: () => true,
  key: (event) => event.user_id,
  aggregations,
  // Tastes of a year ago say less than those of all users; the state stays, and counts again with the next event.
  ttl: { ms: 365 * DAY_MS, lastActive: (values) => values.last },
  finish: ({ kinds, rating, watchMs, last, recent }, now): UserFeatures => ({
    events: interactionKinds.reduce((total, kind) => total + kinds[kind], 0),
    views: kinds.view,
    clicks: kinds.click,
    completes: kinds.complete,
    likes: kinds.like,
    ratings: kinds.rating,
    skips: kinds.skip,
    rating_mean: rating,
    watch_ms: watchMs,
    completion_rate: smoothedRate(kinds.complete, kinds.view, COMPLETION_PRIOR),
    recent_items: recent,
    days_since_last: daysSince(last, now),
  }),
});

export type UserState = ReturnType<typeof userFeaturesView.empty>;

/** The items that a user has dealt with, newest first, at most 1,000: not to be recommended again. No ttl applies. */
export function seenItems(state: UserState): string[] {
  return aggregations.seen.finish(state.seen, 0);
}
