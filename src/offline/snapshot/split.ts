import type { AnalyticDatabase } from '../duckdb.ts';

/** Which examples a model learns from, is tuned on, and is judged by. Shares are of all, from 0 to 1 together. */
export type SplitOptions = {
  /** `per-user-last`: each user's newest items are held out. `by-time`: what is newest of all. */
  readonly by: 'per-user-last' | 'by-time';
  readonly validationShare: number;
  readonly testShare: number;
};

export const defaultSplit: SplitOptions = { by: 'per-user-last', validationShare: 0.1, testShare: 0.2 };

/** Name of the evaluation protocol, which says how the test part was held out; figures of one protocol are comparable. */
export function splitProtocol({ by, testShare }: Pick<SplitOptions, 'by' | 'testShare'>): string {
  const share = `${Number((100 * testShare).toFixed(2))}%`;
  return by === 'by-time' ? `by-time-last-${share}` : `per-user-last-${share}`;
}

/**
 * Makes table `splits (row, split, is_repeat)` for table `keys (row, event_id, user_id, item_id, ts, weight)`. Only
 * positives (weight above 0) decide where the parts begin; impressions go to the part that their time lies in.
 *
 * - `per-user-last`: of a user's items, in order of the first positive, the last `testShare` begin the test part and
 *   those before them the validation part, rounded to whole items, at least one for test where there are two or more,
 *   and never all (as `perUserLastShare` of `#models`).
 * - `by-time`: the parts begin at the times before which the shares of all positives lie. Equal times stay together.
 *
 * `is_repeat` says that the user had a positive with the item before. Answers don't show seen items again, so nobody is
 * asked to find it; what is to be found in a part are its positives that repeat nothing.
 */
export async function splitExamples(database: AnalyticDatabase, options: SplitOptions): Promise<void> {
  await database.run(`
    CREATE TABLE firsts AS
    SELECT user_id, item_id, ts, event_id FROM keys WHERE weight > 0
    QUALIFY row_number() OVER (PARTITION BY user_id, item_id ORDER BY ts, event_id) = 1`);
  await database.run(options.by === 'by-time' ? cutsByTime(options) : cutsPerUser(options));
  const isFrom = (part: string) =>
    `keys.ts > ${part}_ts OR (keys.ts = ${part}_ts AND keys.item_id >= ${part}_item)`;
  await database.run(`
    CREATE TABLE splits AS
    SELECT keys.row,
      CASE WHEN ${isFrom('test')} THEN 'test' WHEN ${isFrom('validation')} THEN 'validation' ELSE 'train' END AS split,
      coalesce(CASE WHEN keys.weight > 0 THEN firsts.event_id <> keys.event_id ELSE firsts.ts < keys.ts END, false) AS is_repeat
    FROM keys
    LEFT JOIN cuts ON cuts.user_id = keys.user_id
    LEFT JOIN firsts ON firsts.user_id = keys.user_id AND firsts.item_id = keys.item_id`);
}

/** Where each user's parts begin: (time, item) of the first positive of the first item in them. */
function cutsPerUser({ validationShare, testShare }: SplitOptions): string {
  const held = (share: number) =>
    share === 0 ? '0' : `CASE WHEN n < 2 THEN 0 ELSE least(n - 1, greatest(1, round(n * ${share}))) END`;
  const at = (part: string, share: number) =>
    `min(ts) FILTER (place >= n - ${held(share)}) AS ${part}_ts,
     arg_min(item_id, place) FILTER (place >= n - ${held(share)}) AS ${part}_item`;
  return `
    CREATE TABLE cuts AS
    SELECT user_id, ${at('validation', testShare + validationShare)}, ${at('test', testShare)}
    FROM (
      SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY ts, item_id) - 1 AS place,
        count(*) OVER (PARTITION BY user_id) AS n
      FROM firsts)
    GROUP BY user_id`;
}

function cutsByTime({ validationShare, testShare }: SplitOptions): string {
  const at = (part: string, share: number) =>
    share === 0
      ? `NULL::BIGINT AS ${part}_ts, NULL::VARCHAR AS ${part}_item`
      : `min(ts) FILTER (place >= floor(n * ${1 - share})) AS ${part}_ts, '' AS ${part}_item`;
  return `
    CREATE TABLE cuts AS
    SELECT user_id, parts.* FROM (SELECT DISTINCT user_id FROM keys), (
      SELECT ${at('validation', testShare + validationShare)}, ${at('test', testShare)}
      FROM (SELECT ts, row_number() OVER (ORDER BY ts) - 1 AS place, count(*) OVER () AS n FROM keys WHERE weight > 0)
    ) AS parts`;
}
