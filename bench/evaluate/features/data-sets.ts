/** MovieLens twice: as the product's events, and as the table `raw` that DuckDB reads from the files by itself. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { GENRES, movieLens, readDataSet } from '#imports';
import { type AnalyticDatabase, literal } from '#offline';
import type { Interaction, Item } from '#schemas';

export type DataSet = {
  readonly name: string;
  readonly items: readonly Item[];
  /** Before all events. */
  readonly itemsAt: number;
  /** In order of time. */
  events(): Iterable<Interaction>;
  readRaw(database: AnalyticDatabase): Promise<void>;
};

/** With its ratings and times: three in four rows share user and time with another. */
export async function movieLens100K(directory: string): Promise<DataSet> {
  const dataSet = await readDataSet(movieLens, [directory]);
  const flagged = GENRES.map((genre) => `CASE WHEN "${genre}" = '1' THEN ${literal(genre)} END`);
  return {
    name: 'ml-100k',
    items: dataSet.items,
    itemsAt: dataSet.tablesAt,
    events: () => dataSet.events,
    readRaw: (database) =>
      database.run(`CREATE TABLE raw AS
        WITH items AS (SELECT item AS item_id, list_filter([${flagged.join(', ')}], x -> x IS NOT NULL) AS tags
          FROM read_csv(${literal(join(directory, 'u.item'))}, delim = '|', header = true, all_varchar = true,
            quote = '', encoding = 'latin-1'))
        SELECT '' AS event_id, user_id, item_id, 'rating' AS kind, value, NULL::BIGINT AS watch_ms,
          seconds * 1000.0 AS ts, coalesce(tags[1], CASE WHEN tags IS NULL THEN NULL ELSE 'unknown' END) AS category,
          coalesce(tags, []) AS tags
        FROM read_csv(${literal(join(directory, 'u.data.gz'))}, delim = '\t', header = false,
          columns = {user_id: 'VARCHAR', item_id: 'VARCHAR', value: 'DOUBLE', seconds: 'BIGINT'})
        LEFT JOIN items USING (item_id)`),
  };
}

const START = Date.UTC(2000, 3, 25);
/** The set has no times, only each user's order: views ten minutes apart, in steps of all users together. */
const STEP_MS = 600_000;

export async function movieLens1M(directory: string): Promise<DataSet> {
  const { items } = await readDataSet(movieLens, [join(directory, 'movies.dat')]);
  const ordered = join(directory, 'interactions.ordered.tsv.gz');
  const lines = (await promisify(gunzip)(await readFile(ordered))).toString().trim().split('\n');
  const rows = lines.map((line) => line.split('\t').map(Number) as [user: number, movie: number, at: number]);
  rows.sort(([, , a], [, , b]) => a - b);
  return {
    name: 'ml-1m',
    items,
    itemsAt: START - 1,
    *events() {
      for (const [user, movie, at] of rows) yield viewOf(String(user), String(movie), START + at * STEP_MS);
    },
    readRaw: (database) =>
      database.run(`CREATE TABLE raw AS
        WITH movies AS (SELECT string_split(line, '::') AS fields FROM read_csv(${literal(join(directory, 'movies.dat'))},
            delim = '\x01', header = false, quote = '', encoding = 'latin-1', columns = {line: 'VARCHAR'})),
        items AS (SELECT fields[1] AS item_id, string_split(fields[3], '|') AS tags FROM movies)
        SELECT '' AS event_id, user_id, item_id, 'view' AS kind, NULL::DOUBLE AS value, NULL::BIGINT AS watch_ms,
          ${START} + place * ${STEP_MS}.0 AS ts, tags[1] AS category, coalesce(tags, []) AS tags
        FROM read_csv(${literal(ordered)}, delim = '\t', header = false,
          columns = {user_id: 'VARCHAR', item_id: 'VARCHAR', place: 'BIGINT'})
        LEFT JOIN items USING (item_id)`),
  };
}

function viewOf(user: string, movie: string, ts: number): Interaction {
  return {
    event_id: `ml-${user}-${movie}`,
    user_id: user,
    item_id: movie,
    kind: 'view',
    value: null,
    watch_ms: null,
    session_id: null,
    request_id: null,
    context: { device: null, country: null, language: null },
    ts,
    original_ts: null,
    item: null,
  };
}
