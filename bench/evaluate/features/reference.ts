/**
 * The feature views said a second time, in SQL over raw events: what the rows of the product are held against. Nothing
 * here is shared with the views but the names of the features.
 *
 * Table `raw`: event_id, user_id, item_id, kind, value, watch_ms, ts (ms), category, tags.
 */
import type { AnyView } from '#features';

const DAY = 86_400_000;
const POSITIVE = `kind IN ('view', 'click', 'complete', 'like', 'comment', 'rating', 'purchase', 'quiz_score') AND item_id IS NOT NULL`;

const counted = (kind: string) => `count(*) FILTER (kind = '${kind}')`;
/** Events of a window that moves in steps, all in ms. */
const within = (window: number, step: number, condition = 'true') =>
  `count(*) FILTER (${condition} AND ts >= floor(($t - ${window}) / ${step}) * ${step})`;
const average = (condition: string) =>
  `(sum(round(value * 1000)) FILTER (${condition})) / (count(*) FILTER (${condition})) / 1000`;
const days = (time: string) => `($t - ${time}) / ${DAY}.0`;

/** Sum of the events of `source`, decayed: see aggregations/decayed-sum.ts for the blocks of hours. */
function decayed(source: string, halfLifeDays: number): string {
  const exists = (width: number) => `newest >= floor(hour / ${width}) * ${width} + ${9 * width}`;
  return `(SELECT coalesce(sum(events * pow(2, -greatest(0, $t - (start + width / 2.0) * 3600000) / ${halfLifeDays * DAY}.0) ORDER BY start), 0)
    FROM (SELECT floor(hour / width) * width AS start, any_value(width) AS width, count(*) AS events
      FROM (SELECT hour, CASE WHEN NOT ${exists(2)} THEN 1 WHEN NOT ${exists(4)} THEN 2 WHEN NOT ${exists(8)} THEN 4
          WHEN NOT ${exists(16)} THEN 8 WHEN NOT ${exists(32)} THEN 16 ELSE 32 END AS width
        FROM (SELECT floor(ts / 3600000) AS hour, max(floor(ts / 3600000)) OVER () AS newest FROM ${source})
        WHERE floor(hour / 32) * 32 + 32 + ${12 * halfLifeDays * 24} > newest)
      GROUP BY floor(hour / width) * width))`;
}

const counts = (length: number, of: string) =>
  `[len(list_filter(coalesce(list(${of}), []), x -> x = i)) FOR i IN range(${length})]`;
const mostOf = (what: string, source: string, k: number) =>
  `coalesce((SELECT list(k ORDER BY n DESC, k) FROM (SELECT ${what} AS k, count(*) AS n FROM ${source} WHERE ${what} IS NOT NULL
    GROUP BY ALL ORDER BY n DESC, k LIMIT ${k})), [])`;

const user = `
WITH found AS (FROM raw WHERE user_id = $key AND ts < $t),
e AS (FROM found WHERE $t - (SELECT max(ts) FROM found) <= ${365 * DAY}),
p AS (FROM e WHERE ${POSITIVE}),
recent AS (SELECT item_id, max(ts) AS ts FROM p GROUP BY item_id ORDER BY ts DESC, item_id DESC LIMIT 50),
visit AS (SELECT ts, ts - lag(ts) OVER (ORDER BY ts) AS gap FROM e WHERE ts > (SELECT max(ts) FROM e) - ${DAY}),
opened AS (SELECT max(ts) AS start FROM visit WHERE gap IS NULL OR gap >= 1800000),
present AS (SELECT visit.ts FROM visit, opened WHERE visit.ts >= start AND $t - (SELECT max(ts) FROM e) < 1800000)
SELECT count(*) AS events, ${counted('view')} AS views, ${counted('click')} AS clicks, ${counted('complete')} AS completes,
  ${counted('like')} AS likes, ${counted('comment')} AS comments, ${counted('rating')} AS ratings, ${counted('skip')} AS skips,
  ${counted('purchase')} AS purchases, ${counted('quiz_score')} AS quizzes, ${counted('search')} AS searches,
  ${within(3_600_000, 300_000)} AS events_1h, ${within(DAY, 3_600_000)} AS events_24h,
  ${within(7 * DAY, 21_600_000)} AS events_7d, ${within(30 * DAY, DAY)} AS events_30d,
  ${counts(24, 'floor(ts / 3600000) % 24')} AS hours, ${counts(7, `(floor(ts / ${DAY}) + 3) % 7`)} AS weekdays,
  ${average(`kind = 'rating' AND value IS NOT NULL`)} AS rating_mean,
  ${average(`kind = 'quiz_score' AND value IS NOT NULL`)} AS quiz_score_mean,
  coalesce(sum(watch_ms), 0) AS watch_ms, sum(watch_ms) / count(watch_ms) AS watch_ms_mean,
  (${counted('complete')} + 5) / (greatest(${counted('view')}, ${counted('complete')}) + 10.0) AS completion_rate,
  ${mostOf('category', 'p', 5)} AS favourite_categories,
  ${mostOf('tag', '(SELECT unnest(tags) AS tag FROM p)', 10)} AS favourite_tags,
  coalesce((SELECT list(item_id ORDER BY ts DESC, item_id DESC) FROM recent), []) AS recent_items,
  CASE WHEN $t - max(ts) <= 3600000 THEN coalesce((SELECT list(item_id ORDER BY ts DESC, item_id DESC) FROM
    (FROM recent ORDER BY ts DESC, item_id DESC LIMIT 20)), []) ELSE [] END AS session_items,
  (SELECT count(*) FROM present) AS session_position,
  (SELECT coalesce(max(ts) - min(ts), 0) FROM present) AS session_ms, ${days('max(ts)')} AS days_since_last
FROM e`;

const item = `
WITH e AS (FROM raw WHERE item_id = $key AND ts < $t), p AS (FROM e WHERE ${POSITIVE})
SELECT ${counted('impression')} AS impressions, ${counted('view')} AS views, ${counted('click')} AS clicks,
  ${counted('complete')} AS completes, ${counted('like')} AS likes, ${counted('comment')} AS comments,
  ${counted('rating')} AS ratings, ${counted('skip')} AS skips, ${counted('purchase')} AS purchases,
  ${average(`kind = 'rating' AND value IS NOT NULL`)} AS rating_mean,
  (${counted('click')} + 1) / (greatest(${counted('click')}, ${counted('impression')}) + 20.0) AS ctr,
  (${counted('complete')} + 5) / (greatest(${counted('view')}, ${counted('complete')}) + 10.0) AS completion_rate,
  count(*) FILTER (${POSITIVE}) AS positives, ${within(DAY, 3_600_000, POSITIVE)} AS positives_24h,
  ${within(7 * DAY, 21_600_000, POSITIVE)} AS positives_7d, ${within(30 * DAY, DAY, POSITIVE)} AS positives_30d,
  ${decayed('p', 7)} AS popularity, ${days(`max(ts) FILTER (${POSITIVE})`)} AS days_since_last
FROM e`;

const userCategory = `
WITH e AS (FROM raw WHERE user_id = $key AND category = $other AND ts < $t), p AS (FROM e WHERE ${POSITIVE})
SELECT count(*) AS events, count(*) FILTER (${POSITIVE}) AS positives, ${decayed('p', 30)} AS affinity,
  ${days('max(ts)')} AS days_since_last FROM e`;

const userItem = `
WITH e AS (FROM raw WHERE user_id = $key AND item_id = $other AND ts < $t)
SELECT count(*) AS events, ${counted('impression')} AS impressions, count(*) FILTER (${POSITIVE}) AS positives,
  ${days('max(ts)')} AS days_since_last FROM e`;

/** The query for the row of one key as of `$t`; a crossed key is given as `$key` and `$other`. */
export const referenceQueries: { readonly [E in AnyView['entity']]: string } = {
  user,
  item,
  'user-category': userCategory,
  'user-item': userItem,
};

/** Powers of two are made by two libraries, which may differ in the last bit. Everything else has to be the same. */
const ROUNDED: ReadonlySet<string> = new Set(['popularity', 'affinity']);
const LAST_BITS = 1e-12;

/** Names of the features that differ. */
export function differences(
  row: Readonly<Record<string, unknown>>,
  reference: Readonly<Record<string, unknown>>,
): string[] {
  return Object.keys(row).filter((feature) => {
    const [ours, theirs] = [row[feature], plain(reference[feature])];
    if (ROUNDED.has(feature) && typeof ours === 'number' && typeof theirs === 'number') {
      return Math.abs(ours - theirs) > LAST_BITS * Math.max(1, Math.abs(theirs));
    }
    return JSON.stringify(ours) !== JSON.stringify(theirs);
  });
}

/** As JavaScript has it: whole numbers come as bigint. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  return Array.isArray(value) ? value.map(plain) : (value ?? null);
}
