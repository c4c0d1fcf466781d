/** The moments of examples: when, by what and where they happened, as a snapshot has them. */
import type { Categoricals, Vocabulary } from '#models';
import { type AnalyticDatabase, collectColumns } from '#offline';
import type { ContextFeatures } from '#schemas';

/** Fields of a moment; a snapshot's columns prefix them with `context_`. */
export const momentFields = ['hour', 'weekday', 'device', 'country', 'language', 'session_position'] as const;

/** All of it is null in an example of before moments were noted. */
type Moment = { readonly [F in keyof ContextFeatures]: ContextFeatures[F] | null };

/** A moment as one value, of `examples e`. */
export const momentColumn = `{${momentFields
  .map((field: keyof ContextFeatures) => `'${field}': e.context_${field}`)
  .join(', ')}}`;

/** Where and in which language what is learned happened. */
export function readPlaces(
  database: AnalyticDatabase,
): Promise<Pick<ContextFeatures, 'country' | 'language'>[]> {
  return database.rows(`
    SELECT DISTINCT context_country AS country, context_language AS language FROM learned ORDER BY ALL`);
}

/**
 * Column `moment` of a table with column `row`, in the vocabulary's terms; undefined where none is known. Many rows share
 * one: each is put into those terms once.
 */
export async function readMoments(
  database: AnalyticDatabase,
  table: string,
  vocabulary: Vocabulary,
): Promise<Categoricals | undefined> {
  await database.run(`
    CREATE OR REPLACE TABLE moments AS
    SELECT moment, (row_number() OVER () - 1)::INTEGER AS i FROM (SELECT DISTINCT moment FROM ${table})`);
  const rows = await database.rows<{ moment: Moment }>('SELECT moment FROM moments ORDER BY i');
  const moments = rows.map(({ moment }) => contextOf(moment));
  if (moments.every((moment) => moment === null)) return undefined;
  const { cardinalities, values: known } = vocabulary.contextTable(moments);
  const [indices] = await collectColumns(
    database,
    `SELECT i FROM ${table} JOIN moments USING (moment) ORDER BY row`,
    [Int32Array],
  );
  const columns = cardinalities.length;
  const values = new Int32Array(indices.length * columns);
  indices.forEach((at, row) => {
    values.set(known.subarray(at * columns, (at + 1) * columns), row * columns);
  });
  return { cardinalities, values };
}

/** The moment of each user's first example among `examples e`, joined with indices `u`. */
export async function readFirstMoments(
  database: AnalyticDatabase,
  examples: string,
): Promise<ReadonlyMap<number, ContextFeatures>> {
  const rows = await database.rows<{ user: number; moment: Moment }>(`
    SELECT u.i AS user, first(${momentColumn} ORDER BY e.ts, e.event_id) AS moment FROM ${examples}
    GROUP BY 1 ORDER BY 1`);
  const known = new Map<number, ContextFeatures>();
  for (const { user, moment } of rows) {
    const context = contextOf(moment);
    if (context !== null) known.set(user, context);
  }
  return known;
}

function contextOf(moment: Moment): ContextFeatures | null {
  return moment.hour === null ? null : (moment as ContextFeatures);
}
