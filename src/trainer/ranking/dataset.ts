import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Bags, forEachJudgedList, type RankingDataset, type RankingRows, type Shown } from '#models';
import { type AnalyticDatabase, collectColumns, literal } from '#offline';
import { InputError } from '#platform';
import type { ContextFeatures, Gender, Profile } from '#schemas';
import type { ExampleView, JudgingPart } from '../lesson.ts';
import { momentColumn } from '../moments.ts';
import { refuseUnreadable } from '../snapshot-checks.ts';
import { type RankingFeature, rankingFeatures, subjectsOf, viewVersions } from './features.ts';

export type RankingReading = {
  readonly judgedBy: JudgingPart;
  /** Share of the training rows, the oldest, that base models learn from. */
  readonly beforeShare: number;
  /** Items of a history that base models look at. */
  readonly historyLength: number;
  /** Views of modules whose rows the snapshot has; none by default. */
  readonly modules?: readonly ExampleView[];
};

export type ReadRanking = {
  readonly views: Readonly<Record<string, number>>;
  readonly subjects: RankingDataset['subjects'];
  readonly train: RankingRows;
  readonly validation?: RankingRows;
  readonly heldOut: RankingRows;
  /** When the first row of `train` was shown, ms. */
  readonly trainFromMs: number;
};

/** Silence after which impressions without a request are of another list, ms. */
const LIST_GAP_MS = 30 * 60_000;
/** Values of a text that training tells apart: the most frequent ones. */
const MOST_CATEGORIES = 1_000;

/**
 * How much came of an impression. What a user had taken to before is shown by no answer, and is no row here.
 */
const GRADE = `
  CASE WHEN labels_like OR labels_purchase_value > 0 OR labels_rating >= 4 THEN 3
    WHEN labels_complete THEN 2 WHEN labels_click THEN 1 ELSE 0 END`;

/**
 * Each user's parts begin with something taken, whose impression comes just before: it is of the part of what was taken.
 * Lists that lie in two parts are left out, since what was learned of the one would be asked in the other.
 */
const WHOLE_LISTS = `
  CREATE TABLE shown AS
  SELECT * EXCLUDE (taken_split) REPLACE (coalesce(taken_split, split) AS split) FROM (
    SELECT l.*, p.split AS taken_split
    FROM listed l ASOF LEFT JOIN (FROM examples WHERE weight > 0) p
      ON p.user_id = l.user_id AND p.item_id = l.item_id AND p.ts >= l.ts AND l.grade > 0)
  QUALIFY count(DISTINCT coalesce(taken_split, split)) OVER (PARTITION BY user_id, list) = 1`;

/**
 * Where nobody says what users were shown, as in most imported data, each item that was taken makes a list with the negatives
 * that the snapshot has drawn for it. Its grade is the most that the user did with it in that part.
 */
const TAKEN_LISTS = `
  INSERT INTO shown
  SELECT e.* REPLACE (whole.revenue AS labels_purchase_value), whole.grade,
    row_number() OVER (PARTITION BY e.user_id ORDER BY e.ts, e.event_id) AS list, false AS is_drawn
  FROM (FROM examples WHERE weight > 0 AND kind <> 'impression' AND NOT is_repeat) e
  JOIN (
    SELECT user_id, item_id, split, sum(value) FILTER (kind = 'purchase') AS revenue,
      max(CASE WHEN kind IN ('like', 'purchase') OR (kind = 'rating' AND value >= 4) THEN 3
        WHEN kind = 'complete' THEN 2 ELSE 1 END) AS grade
    FROM examples WHERE weight > 0 GROUP BY ALL) whole
    ON whole.user_id = e.user_id AND whole.item_id = e.item_id AND whole.split = e.split`;

/**
 * Makes the rows of rankers from the impressions of a snapshot: of one list are those of one request, or where none is
 * known, those of a user without half an hour's silence in between. Of a snapshot without impressions, lists are what was
 * taken and the negatives drawn for it. Errors: InputError MR_TRAINING_FEATURES,
 * MR_TRAINING_NOT_FINITE, MR_TRAINING_NO_LISTS, MR_TRAINING_NOTHING_HELD_OUT.
 */
export async function readRanking(
  database: AnalyticDatabase,
  directory: string,
  { judgedBy, beforeShare, historyLength, modules = [] }: RankingReading,
): Promise<ReadRanking> {
  for (const table of ['examples', 'items', 'users']) {
    const path = literal(join(directory, `${table}.parquet`));
    await database.run(`CREATE VIEW ${table} AS SELECT * FROM read_parquet(${path})`);
  }
  await refuseUnreadable(database);
  const described = await database.rows<{ column_name: string }>('DESCRIBE examples');
  const features = rankingFeatures(new Set(described.map(({ column_name }) => column_name)), modules);
  await database.run(`
    CREATE TABLE listed AS
    SELECT * EXCLUDE (place, begins),
      max(CASE WHEN begins THEN place END) OVER (
        PARTITION BY user_id, request_id ORDER BY place ROWS UNBOUNDED PRECEDING) AS list,
      false AS is_drawn
    FROM (
      SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY ts, event_id) AS place,
        lag(ts) OVER own IS NULL OR (request_id IS NULL AND ts - lag(ts) OVER own > ${LIST_GAP_MS}) AS begins
      FROM (SELECT *, ${GRADE} AS grade FROM examples
        WHERE kind = 'impression' AND labels_click IS NOT NULL AND NOT is_repeat)
      WINDOW own AS (PARTITION BY user_id, request_id ORDER BY ts, event_id))`);
  await database.run(WHOLE_LISTS);
  if (existsSync(join(directory, NEGATIVES_FILE))) {
    const logged = await database.number("SELECT count(*) FROM examples WHERE kind = 'impression'");
    if (logged === 0) await database.run(TAKEN_LISTS);
    await addNegatives(database, directory);
  }
  const learned = judgedBy === 'test' ? "split IN ('train', 'validation')" : "split = 'train'";
  const trainFromMs = await database.number(
    `SELECT coalesce(quantile_disc(ts, ${beforeShare}), 0)::DOUBLE FROM shown WHERE ${learned}`,
  );
  const train = `${learned} AND ts >= ${trainFromMs}`;
  const columns = await Promise.all(features.map((feature) => columnOf(database, feature, train)));
  const read = (where: string) => readRows(database, { where, columns, historyLength });
  const heldOut = judgedBy === 'validation' ? 'validation' : 'test';
  const rows = {
    views: viewVersions(features, modules),
    subjects: subjectsOf(features),
    train: await read(train),
    ...(judgedBy !== 'test' && { validation: await read("split = 'validation'") }),
    heldOut: await read(`split = '${heldOut}'`),
    trainFromMs,
  };
  refuseNothing(rows, heldOut);
  return rows;
}

const NEGATIVES_FILE = 'negatives.parquet';
/** What a negative says of itself; all else are features under the names that examples have for them. */
const NEGATIVE_FIELDS = ['event_id', 'user_id', 'item_id', 'ts', 'split', 'place', 'drawn'];
/** What examples note of the catalogue, and what table `items` calls it. */
const FACTS = ['type', 'category', 'tags', 'duration_ms', 'difficulty', 'created'];

/**
 * Adds to each list, for each item that was taken, the negatives that the snapshot has drawn for it, with their features
 * as of then: a page shows what its makers or the user chose, and teaches little of all other items. They stand where the
 * taken item stood: without a position, they would be told from what was shown by that alone.
 */
async function addNegatives(database: AnalyticDatabase, directory: string): Promise<void> {
  const path = literal(join(directory, NEGATIVES_FILE));
  await database.run(`CREATE VIEW negatives AS SELECT * FROM read_parquet(${path})`);
  const described = await database.rows<{ column_name: string }>('DESCRIBE negatives');
  const features = described
    .map(({ column_name }) => column_name)
    .filter((name) => !NEGATIVE_FIELDS.includes(name));
  const replaced = [
    'n.item_id AS item_id',
    "s.event_id || ' ' || n.place AS event_id",
    '0 AS grade',
    "n.drawn = 'uniform' AS is_drawn",
    ...features.map((name) => `n."${name}" AS "${name}"`),
    ...FACTS.map((name) => `items.${name} AS facts_${name}`),
  ];
  await database.run(`
    INSERT INTO shown
    SELECT s.* REPLACE (${replaced.join(', ')})
    FROM (FROM shown WHERE grade > 0) s
    ASOF JOIN (FROM examples WHERE weight > 0) p
      ON p.user_id = s.user_id AND p.item_id = s.item_id AND p.ts >= s.ts
    JOIN negatives n ON n.user_id = p.user_id AND n.event_id = p.event_id
    LEFT JOIN items ON items.item_id = n.item_id`);
}

type RankingColumn = RankingFeature & { readonly categories?: readonly string[] };

/** With the texts that the rows have, in their order. */
async function columnOf(
  database: AnalyticDatabase,
  feature: RankingFeature,
  where: string,
): Promise<RankingColumn> {
  if (!feature.isText) return feature;
  const rows = await database.rows<{ value: string }>(`
    SELECT value FROM (
      SELECT ${feature.source}::VARCHAR AS value, count(*) AS n FROM shown WHERE ${where} AND ${feature.source} IS NOT NULL
      GROUP BY 1 ORDER BY n DESC, 1 LIMIT ${MOST_CATEGORIES})
    ORDER BY 1`);
  return { ...feature, categories: rows.map(({ value }) => value) };
}

type Reading = {
  readonly where: string;
  readonly columns: readonly RankingColumn[];
  readonly historyLength: number;
};

/** In the order of users and time, so that lists lie together. */
async function readRows(
  database: AnalyticDatabase,
  { where, columns, historyLength }: Reading,
): Promise<RankingRows> {
  await database.run(`
    CREATE OR REPLACE TABLE part AS
    SELECT *, (row_number() OVER (ORDER BY user_id, list, ts, event_id) - 1)::INTEGER AS row,
      (dense_rank() OVER (ORDER BY user_id) - 1)::INTEGER AS user_at,
      (dense_rank() OVER (ORDER BY item_id) - 1)::INTEGER AS item_at,
      (dense_rank() OVER (ORDER BY user_id, list) - 1)::INTEGER AS list_at
    FROM shown WHERE ${where}`);
  const [list, grades, positions, revenues, drawn] = await collectColumns(
    database,
    `SELECT list_at, grade::DOUBLE, coalesce(position::DOUBLE, 'nan'::DOUBLE),
       CASE WHEN grade > 0 THEN coalesce(greatest(labels_purchase_value, 0), 0) ELSE 0 END::DOUBLE,
       is_drawn::INTEGER
     FROM part ORDER BY row`,
    [Int32Array, Float32Array, Float32Array, Float32Array, Int32Array],
  );
  const lists = [...list].flatMap((id, row) => (row === 0 || list[row - 1] !== id ? [row] : []));
  return {
    columns: columns.map(({ name, categories }) => ({ name, ...(categories && { categories }) })),
    rows: list.length,
    values: await readValues(database, columns, list.length),
    shown: await readShown(database, historyLength),
    lists: Int32Array.of(...lists, list.length),
    grades,
    positions,
    revenues,
    drawn: Uint8Array.from(drawn),
  };
}

/** Columns that are read in one query. */
const READ_AT_ONCE = 16;

async function readValues(
  database: AnalyticDatabase,
  columns: readonly RankingColumn[],
  rows: number,
): Promise<Float32Array> {
  const values = new Float32Array(rows * columns.length);
  for (let from = 0; from < columns.length; from += READ_AT_ONCE) {
    const some = columns.slice(from, from + READ_AT_ONCE);
    const read = await collectColumns(
      database,
      `SELECT ${some.map(sqlOf).join(', ')} FROM part ORDER BY row`,
      some.map(() => Float32Array),
    );
    read.forEach((column, i) => {
      for (let row = 0; row < rows; row++) values[row * columns.length + from + i] = column[row] as number;
    });
  }
  return values;
}

/** NaN without a value, and for a text that training did not meet. */
function sqlOf({ source, categories }: RankingColumn): string {
  if (categories === undefined) return `coalesce((${source})::DOUBLE, 'nan'::DOUBLE)`;
  const known = categories.map(literal).join(', ');
  return `coalesce(nullif(list_position([${known}]::VARCHAR[], ${source}::VARCHAR), 0) - 1, 'nan'::DOUBLE)::DOUBLE`;
}

type UserRow = { readonly id: string; readonly known: boolean } & {
  readonly [F in keyof Profile]: Profile[F];
};
type MomentRow = { readonly moment: { readonly hour: number | null } };

async function readShown(database: AnalyticDatabase, historyLength: number): Promise<Shown> {
  const users = await database.rows<UserRow>(`
    SELECT id, users.user_id IS NOT NULL AS known, age, gender, occupation, country
    FROM (SELECT DISTINCT user_id AS id FROM part) LEFT JOIN users ON users.user_id = id ORDER BY id`);
  await database.run(`
    CREATE OR REPLACE TABLE part_moments AS
    SELECT moment, (row_number() OVER () - 1)::INTEGER AS i FROM (SELECT DISTINCT ${momentColumn} AS moment FROM part e)`);
  const moments = await database.rows<MomentRow>('SELECT moment FROM part_moments ORDER BY i');
  const [user, item, moment] = await collectColumns(
    database,
    `SELECT user_at, item_at, i FROM part e JOIN part_moments m ON m.moment = ${momentColumn} ORDER BY row`,
    [Int32Array, Int32Array, Int32Array],
  );
  const [row, ids] = await collectColumns(
    database,
    `SELECT row, i FROM (
       SELECT row, unnest(user_recent_items[1:${historyLength}]) AS id, generate_subscripts(user_recent_items[1:${historyLength}], 1) AS place
       FROM part)
     JOIN (SELECT id, (row_number() OVER (ORDER BY id) - 1)::INTEGER AS i FROM (${KNOWN_ITEMS})) USING (id)
     ORDER BY row, place`,
    [Int32Array, Int32Array],
  );
  const items = await database.rows<{ id: string }>(`SELECT id FROM (${KNOWN_ITEMS}) ORDER BY id`);
  const places = new Map(items.map(({ id }, place) => [id, place]));
  const ofPart = await database.rows<{ id: string }>('SELECT DISTINCT item_id AS id FROM part ORDER BY id');
  const placeOf = Int32Array.from(ofPart, ({ id }) => places.get(id) as number);
  return {
    users: users.map(({ id, known, age, gender, occupation, country }) => {
      return { id, profile: known ? { age, gender: gender as Gender, occupation, country } : null };
    }),
    items: items.map(({ id }) => id),
    moments: moments.map(({ moment: of }) => (of.hour === null ? null : (of as unknown as ContextFeatures))),
    user,
    item: item.map((at) => placeOf[at] as number),
    moment,
    history: bagsOf(row, ids, user.length),
  };
}

/** Those shown in the part, and those of its histories. */
const KNOWN_ITEMS = 'SELECT item_id AS id FROM part UNION SELECT unnest(user_recent_items) FROM part';

function bagsOf(row: Int32Array, ids: Int32Array, rows: number): Bags {
  const offsets = new Int32Array(rows + 1);
  for (const at of row) offsets[at + 1] = (offsets[at + 1] as number) + 1;
  for (let at = 0; at < rows; at++) offsets[at + 1] = (offsets[at + 1] as number) + (offsets[at] as number);
  return { offsets, ids };
}

function refuseNothing({ train, heldOut }: ReadRanking, part: string): void {
  if (!train.grades.some((grade) => grade > 0) || train.grades.every((grade) => grade > 0)) {
    throw new InputError(
      'MR_TRAINING_NO_LISTS',
      `The snapshot has ${train.rows} impressions to learn a ranking from, and they do not show both what users took and what they left.`,
      {
        hint: 'Publish impressions (kind "impression") of what users are shown, or draw negatives (snapshots.negatives, snapshots.coVisitNegatives): without impressions, a ranker learns from these.',
      },
    );
  }
  let judged = 0;
  forEachJudgedList(heldOut, () => judged++);
  if (judged > 0) return;
  throw new InputError(
    'MR_TRAINING_NOTHING_HELD_OUT',
    `In the ${part} part of the snapshot, no list has both what users took and what they left, so the ranker could not be evaluated.`,
    { hint: `Wait for more events, or raise snapshots.${part}Share.` },
  );
}
