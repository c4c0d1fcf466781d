import { SOURCE_SHARES } from '#features';
import { seededRandom } from '#models';
import { type AnalyticDatabase, type Column, collectColumns, columnByColumn } from '../duckdb.ts';
import { duckDbApi } from '../duckdb-package.ts';
import { Along } from './along.ts';
import { type Catalogue, RankingsThen } from './rankings-then.ts';

/** Items drawn for each positive example that the user had not taken to by then. */
export type NegativeOptions = {
  /** How many of all items that there were, alike. */
  readonly uniform: number;
  /** How many as often as they had positives before: an item of a tenth of them is drawn one time in ten. */
  readonly byPopularity: number;
  /**
   * How many as often as users had them along with one of the user's last items before: what an index, or co-visits, would
   * bring as candidates at that time.
   */
  readonly byCoVisits: number;
  /** How many as the sources of an answer would have found them beside the index, each as often as it has a share. */
  readonly bySources: number;
  readonly seed: number;
};

/** How a negative was drawn: its number in table `drawn` is the index here. */
export const DRAWN_BY = [
  'uniform',
  'popularity',
  'co-visits',
  'followed_category',
  'popular',
  'trending',
  'new',
] as const;

/** By index of DRAWN_BY. What is popular in a country or a cohort is drawn from what is popular. */
const { co_visited, followed_category, trending, popular, popular_in_country, popular_in_cohort } =
  SOURCE_SHARES;
const SHARES: readonly (readonly [drawnBy: number, share: number])[] = [
  [2, co_visited],
  [3, followed_category],
  [4, popular + popular_in_country + popular_in_cohort],
  [5, trending],
  [6, SOURCE_SHARES.new],
];
const ALL_SHARES = SHARES.reduce((sum, [, share]) => sum + share, 0);

/** A draw that meets an item of the user's is repeated this often, then given up: the user has taken to nearly all. */
const ATTEMPTS = 50;
/** Rows handed to the database at once. */
const APPENDED_AT_ONCE = 50_000;

type Positives = {
  /** Dense; equal for equal users. */
  readonly user: Int32Array;
  /** Index in the order of (since, item id). */
  readonly item: Int32Array;
  readonly ts: Float64Array;
  readonly hash: Int32Array;
};

/**
 * Makes table `drawn (positive, place, drawn_by, item)` for table `examples`: `positive` is a row of table
 * `positives (row, user_id, event_id, item_id, ts, split)`, `item` one of table `candidates (i, item_id, category, since)`,
 * `drawn_by` an index of DRAWN_BY.
 *
 * What is drawn for an example follows from its event id, its user and the seed, and from what happened before its time
 * alone: candidates are the items that were created or had an example before it, and none is drawn that the user had a
 * positive with up to then, or twice for one example.
 */
export async function drawNegatives(database: AnalyticDatabase, options: NegativeOptions): Promise<void> {
  await database.run(`
    CREATE TABLE candidates AS
    SELECT (row_number() OVER (ORDER BY since, item_id) - 1)::INTEGER AS i, item_id, category, since
    FROM (
      SELECT item_id, any_value(category) AS category, min(since) AS since FROM (
        SELECT item_id, category, created AS since FROM items
        UNION ALL SELECT item_id, NULL, min(ts) FROM examples GROUP BY item_id)
      GROUP BY item_id)`);
  await database.run(`
    CREATE TABLE positives AS
    SELECT (row_number() OVER (ORDER BY ts, user_id, item_id, event_id) - 1)::INTEGER AS row,
      user_id, event_id, item_id, ts, split
    FROM examples WHERE weight > 0`);
  const positives = await readPositives(database, options.seed);
  const [since, category] = await collectColumns(
    database,
    `SELECT since::DOUBLE, CASE WHEN category IS NULL THEN -1 ELSE dense_rank() OVER (ORDER BY category) END::INTEGER
     FROM candidates ORDER BY i`,
    [Float64Array, Int32Array],
  );
  await database.run(
    'CREATE TEMP TABLE drawn (positive INTEGER, place INTEGER, drawn_by INTEGER, item INTEGER)',
  );
  const appender = await database.appender('drawn', columnByColumn(drawnColumns()));
  let rows: Draw[] = [];
  for (const row of draws(positives, { since, category }, options)) {
    rows.push(row);
    if (rows.length < APPENDED_AT_ONCE) continue;
    await appender.add(rows);
    rows = [];
  }
  await appender.add(rows);
  await appender.close();
}

async function readPositives(database: AnalyticDatabase, seed: number): Promise<Positives> {
  const [user, item, ts, hash] = await collectColumns(
    database,
    `SELECT dense_rank() OVER (ORDER BY p.user_id)::INTEGER, c.i, p.ts::DOUBLE,
       (md5_number_lower(concat_ws(chr(31), '${seed}', p.user_id, p.event_id)) & 2147483647)::INTEGER
     FROM positives p JOIN candidates c USING (item_id) ORDER BY p.row`,
    [Int32Array, Int32Array, Float64Array, Int32Array],
  );
  return { user, item, ts, hash };
}

const drawnColumns = (): readonly Column<Draw>[] =>
  [0, 1, 2, 3].map((place) => ({ type: duckDbApi().INTEGER, of: (draw) => draw[place] }));

type Draw = readonly [positive: number, place: number, drawnBy: number, item: number];

type Ways = Omit<NegativeOptions, 'seed'>;

/** In order of the positives. */
export function* draws(
  { user, item, ts, hash }: Positives,
  catalogue: Catalogue,
  { uniform, byPopularity, byCoVisits, bySources }: Ways,
): Generator<Draw> {
  const { since } = catalogue;
  const taken = new Map<number, Set<number>>();
  const along = byCoVisits + bySources > 0 ? new Along() : undefined;
  const rankings = bySources > 0 ? new RankingsThen(catalogue, item, ts) : undefined;
  let present = 0;
  for (let from = 0; from < ts.length; ) {
    const now = ts[from] as number;
    let to = from;
    // What happened at the same moment is not before it, but is no negative either.
    for (; to < ts.length && ts[to] === now; to++) {
      const own = taken.get(user[to] as number) ?? new Set();
      taken.set(user[to] as number, own.add(item[to] as number));
    }
    while (present < since.length && (since[present] as number) < now) present++;
    rankings?.moveTo(now, from);
    for (let row = from; row < to; row++) {
      const random = seededRandom(hash[row] as number);
      const refused = new Set<number>();
      const own = taken.get(user[row] as number) as ReadonlySet<number>;
      const isNew = (candidate: number) => !own.has(candidate) && !refused.has(candidate);
      const among = (of: ArrayLike<number>) => of[random.integer(Math.max(1, of.length))];
      const offers: readonly (() => number | undefined)[] = [
        () => (present === 0 ? undefined : random.integer(present)),
        // A positive before, drawn evenly, is one of an item in proportion to its positives.
        () => (from === 0 ? undefined : (item[random.integer(from)] as number)),
        () => along?.draw(user[row] as number, random),
        () => among(rankings?.ofCategoryOf(along?.lastOf(user[row] as number, random)) ?? []),
        () => among(rankings?.popular ?? []),
        () => among(rankings?.trending ?? []),
        () => among(rankings?.newest ?? []),
      ];
      const ways = [
        { count: uniform, drawnBy: () => 0 },
        { count: byPopularity, drawnBy: () => 1 },
        { count: byCoVisits, drawnBy: () => 2 },
        { count: bySources, drawnBy: () => sourceAt(random.uniform()) },
      ];
      let place = 0;
      for (const { count, drawnBy } of ways) {
        for (const end = place + count; place < end; place++) {
          for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            const by = drawnBy();
            const candidate = offers[by]?.();
            if (candidate === undefined || !isNew(candidate)) continue;
            refused.add(candidate);
            yield [row, place, by, candidate];
            break;
          }
        }
      }
    }
    for (let row = from; row < to; row++) along?.add(user[row] as number, item[row] as number);
    from = to;
  }
}

/** `drawn` is from 0 to below 1. */
function sourceAt(drawn: number): number {
  let left = drawn * ALL_SHARES;
  const found = SHARES.find(([, share]) => {
    left -= share;
    return left < 0;
  });
  return (found ?? (SHARES[0] as (typeof SHARES)[number]))[0];
}
