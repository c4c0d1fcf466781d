import { INTEGER } from '@duckdb/node-api';
import { seededRandom } from '#models';
import { type AnalyticDatabase, type Column, collectColumns, columnByColumn } from '../duckdb.ts';

/** Items drawn for each positive example that the user had not taken to by then. */
export type NegativeOptions = {
  /** How many of all items that there were, alike. */
  readonly uniform: number;
  /** How many as often as they had positives before: an item of a tenth of them is drawn one time in ten. */
  readonly byPopularity: number;
  readonly seed: number;
};

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
 * Makes table `drawn (positive, place, by_popularity, item)` for table `examples`: `positive` is a row of table
 * `positives (row, user_id, event_id, item_id, ts, split)`, `item` one of table `candidates (i, item_id, category, since)`.
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
  const [since] = await collectColumns(database, 'SELECT since::DOUBLE FROM candidates ORDER BY i', [
    Float64Array,
  ]);
  await database.run(
    'CREATE TEMP TABLE drawn (positive INTEGER, place INTEGER, by_popularity INTEGER, item INTEGER)',
  );
  const appender = await database.appender('drawn', columnByColumn(drawnColumns));
  let rows: Draw[] = [];
  for (const row of draws(positives, since, options)) {
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

const drawnColumns: readonly Column<Draw>[] = [0, 1, 2, 3].map((place) => {
  return { type: INTEGER, of: (draw) => draw[place] };
});

type Draw = readonly [positive: number, place: number, byPopularity: number, item: number];

/** In order of the positives. */
export function* draws(
  { user, item, ts, hash }: Positives,
  since: Float64Array,
  { uniform, byPopularity }: Pick<NegativeOptions, 'uniform' | 'byPopularity'>,
): Generator<Draw> {
  const taken = new Map<number, Set<number>>();
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
    for (let row = from; row < to; row++) {
      const random = seededRandom(hash[row] as number);
      const refused = new Set<number>();
      const own = taken.get(user[row] as number) as ReadonlySet<number>;
      const draw = (bound: number, itemOf: (index: number) => number): number | undefined => {
        for (let attempt = 0; attempt < ATTEMPTS && bound > 0; attempt++) {
          const candidate = itemOf(random.integer(bound));
          if (own.has(candidate) || refused.has(candidate)) continue;
          refused.add(candidate);
          return candidate;
        }
        return undefined;
      };
      for (let place = 0; place < uniform + byPopularity; place++) {
        const isPopular = place >= uniform;
        // A positive before, drawn evenly, is one of an item in proportion to its positives.
        const drawn = isPopular
          ? draw(from, (index) => item[index] as number)
          : draw(present, (index) => index);
        if (drawn !== undefined) yield [row, place, isPopular ? 1 : 0, drawn];
      }
    }
    from = to;
  }
}
