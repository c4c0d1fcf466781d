import type { Interaction } from '#schemas';
import { where } from '../aggregation.ts';
import { countBy } from '../aggregations/counts.ts';
import { hourHistogram, weekdayHistogram } from '../aggregations/histogram.ts';
import { newest } from '../aggregations/newest.ts';
import { smoothedRate } from '../aggregations/rate.ts';
import { recentDistinct } from '../aggregations/recent-distinct.ts';
import { session } from '../aggregations/session.ts';
import { mean, sum } from '../aggregations/sums.ts';
import { topK } from '../aggregations/top-k.ts';
import { windowed } from '../aggregations/windowed.ts';
import { interactionKinds, isPositive, isRated, isSeen } from '../interest.ts';
import { daysSince } from '../lasting-row.ts';
import { defineView } from '../view.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** What the model reads. */
const RECENT_ITEMS = 50;
/** What is of the present visit. */
const SESSION_ITEMS = 20;
/** What is filtered from answers; a user may see an item again after as many others. */
const SEEN_ITEMS = 1000;
/** Before its first views a user is taken to complete half of them; ten views outweigh that. */
const COMPLETION_PRIOR = { rate: 0.5, strength: 10 };

const one = (_: Interaction) => 1;

const seen = where(
  isSeen,
  recentDistinct(SEEN_ITEMS, (event: Interaction) => event.item_id),
);

const aggregations = {
  kinds: countBy(interactionKinds, (event: Interaction) => event.kind),
  lately: windowed(sum(one), ['1h', '24h', '7d', '30d']),
  hours: hourHistogram<Interaction>(),
  weekdays: weekdayHistogram<Interaction>(),
  session: session<Interaction>({ gapMs: 30 * MINUTE_MS, horizonMs: DAY_MS }),
  rating: where(
    isRated,
    mean((event: Interaction) => event.value ?? 0),
  ),
  quizScore: where(
    ({ kind, value }) => kind === 'quiz_score' && value !== null,
    mean((event: Interaction) => event.value ?? 0),
  ),
  watchMs: sum((event: Interaction) => event.watch_ms ?? 0),
  watched: where(({ watch_ms }) => watch_ms !== null, sum(one)),
  categories: where(
    isPositive,
    topK(5, ({ item }: Interaction) => (item === null ? [] : [item.category])),
  ),
  tags: where(
    isPositive,
    topK(10, ({ item }: Interaction) => item?.tags ?? []),
  ),
  last: newest<Interaction>(),
  recent: where(
    isPositive,
    recentDistinct(RECENT_ITEMS, (event: Interaction) => event.item_id),
  ),
  // No feature is made of it: see seenItems.
  seen: { ...seen, finish: () => null },
};

export const userFeaturesView = defineView({
  name: 'user-features',
  version: 2,
  entity: 'user',
  owner: 'recommendations',
  description: 'What a user has done, likes, and is doing now.',
  tags: ['activity', 'taste', 'session'],
  exampleField: 'user',
  filter: () => true,
  key: (event) => event.user_id,
  aggregations,
  row: {
    events: 'long',
    views: 'long',
    clicks: 'long',
    completes: 'long',
    likes: 'long',
    comments: 'long',
    ratings: 'long',
    skips: 'long',
    purchases: 'long',
    quizzes: 'long',
    searches: 'long',
    events_1h: { kind: 'long', doc: 'Of the last hour, in steps of 5 minutes.' },
    events_24h: { kind: 'long', doc: 'Of the last 24 hours, in steps of 1 hour.' },
    events_7d: { kind: 'long', doc: 'Of the last 7 days, in steps of 6 hours.' },
    events_30d: { kind: 'long', doc: 'Of the last 30 days, in steps of 1 day.' },
    hours: { kind: 'long[]', doc: 'Events by hour of the day, 24 counts from midnight, UTC.' },
    weekdays: { kind: 'long[]', doc: 'Events by day of the week, 7 counts from Monday, UTC.' },
    rating_mean: 'double?',
    quiz_score_mean: 'double?',
    watch_ms: 'long',
    watch_ms_mean: { kind: 'double?', doc: 'Over the events that say how long was watched.' },
    completion_rate: { kind: 'double', doc: 'Completes over views, smoothed.' },
    favourite_categories: {
      kind: 'string[]',
      doc: 'The 5 categories with most positive events, greatest first.',
    },
    favourite_tags: { kind: 'string[]', doc: 'The 10 tags with most positive events, greatest first.' },
    recent_items: {
      kind: 'string[]',
      doc: 'Distinct items of interest (positive events), newest first, at most 50.',
    },
    session_items: { kind: 'string[]', doc: 'The newest 20 recent items, while the user is about.' },
    session_position: {
      kind: 'long',
      doc: 'Events of the open session; one closes after 30 minutes of silence.',
    },
    session_ms: { kind: 'long', doc: 'From the first to the newest event of the open session.' },
    days_since_last: 'double?',
  },
  updated: ({ last }) => last,
  // Tastes of a year ago say less than those of all users; the state stays, and counts again with the next event.
  ttlMs: 365 * DAY_MS,
  featureTtlMs: { session_items: HOUR_MS },
  finish: (values, now) => ({
    events: interactionKinds.reduce((total, kind) => total + values.kinds[kind], 0),
    views: values.kinds.view,
    clicks: values.kinds.click,
    completes: values.kinds.complete,
    likes: values.kinds.like,
    comments: values.kinds.comment,
    ratings: values.kinds.rating,
    skips: values.kinds.skip,
    purchases: values.kinds.purchase,
    quizzes: values.kinds.quiz_score,
    searches: values.kinds.search,
    events_1h: values.lately['1h'],
    events_24h: values.lately['24h'],
    events_7d: values.lately['7d'],
    events_30d: values.lately['30d'],
    hours: values.hours,
    weekdays: values.weekdays,
    rating_mean: values.rating,
    quiz_score_mean: values.quizScore,
    watch_ms: values.watchMs,
    watch_ms_mean: values.watched === 0 ? null : values.watchMs / values.watched,
    completion_rate: smoothedRate(values.kinds.complete, values.kinds.view, COMPLETION_PRIOR),
    favourite_categories: values.categories.keys,
    favourite_tags: values.tags.keys,
    recent_items: values.recent,
    session_items: values.recent.slice(0, SESSION_ITEMS),
    session_position: values.session.position,
    session_ms: values.session.lengthMs,
    days_since_last: daysSince(values.last, now),
  }),
});

export type UserState = ReturnType<typeof userFeaturesView.empty>;

/** The items that a user has dealt with, newest first, at most 1,000: not to be recommended again. No ttl applies. */
export function seenItems(state: UserState): string[] {
  return seen.finish(state.seen, 0);
}
