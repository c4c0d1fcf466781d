import { join } from 'node:path';
import { type Bags, type Dataset, type Examples, type Interactions, itemsByUser, Vocabulary } from '#models';
import { type AnalyticDatabase, collectColumns, literal } from '#offline';
import { InputError } from '#platform';
import type { Gender, ItemType, Profile } from '#schemas';
import type { JudgingPart } from '../lesson.ts';
import { momentColumn, readFirstMoments, readMoments, readPlaces } from '../moments.ts';
import { refuseUnreadable } from '../snapshot-checks.ts';

/** Which rows train the model, and which evaluate it. */
export type DatasetOptions = {
  /** Histories are cut after this many items. */
  readonly historyLength: number;
  readonly judgedBy: JudgingPart;
  /** The directory of a snapshot whose rows were learned before: only what is new is learned. */
  readonly learnedBefore?: string;
  /** Learns from what was done before this time alone, ms; from all unless told otherwise. */
  readonly endsAtMs?: number;
};

type UserRow = { readonly id: string; readonly known: boolean } & {
  readonly [F in keyof Profile]: Profile[F];
};
type ItemRow = {
  readonly id: string;
  readonly title: string;
  readonly type: ItemType | null;
  readonly category: string;
  readonly tags: string[];
  readonly language: string | null;
  readonly difficulty: number | null;
  readonly duration_ms: number | null;
};

/**
 * One row for each item that a user took to, as of the first time, weighing as much as all that they did with it. A click
 * is followed by a view and a like of the same item, which is then the newest of the history: to find it there again would
 * be most of what is learned, and answers leave it out.
 */
const LESSONS = `
  CREATE VIEW lessons AS
  SELECT * REPLACE (sum(weight) OVER (PARTITION BY user_id, item_id) AS weight)
  FROM learned QUALIFY NOT is_repeat`;

const IN_ORDER = 'ORDER BY e.ts, u.i, i.i, e.event_id';
const INDEXED = 'JOIN user_indices u ON u.id = e.user_id JOIN item_indices i ON i.id = e.item_id';

/**
 * Reads the Parquet files of a snapshot. Errors: InputError MR_TRAINING_FEATURES, MR_TRAINING_NOT_FINITE,
 * MR_TRAINING_ONE_CLASS, MR_TRAINING_NOTHING_HELD_OUT, MR_TRAINING_NOTHING_NEW.
 */
export async function readDataset(
  database: AnalyticDatabase,
  directory: string,
  { historyLength, judgedBy, learnedBefore, endsAtMs }: DatasetOptions,
): Promise<Dataset> {
  for (const table of ['examples', 'items', 'users']) await viewOf(database, table, directory, table);
  await refuseUnreadable(database);
  const part = judgedBy === 'test' ? "split IN ('train', 'validation')" : "split = 'train'";
  const learned = endsAtMs === undefined ? part : `${part} AND ts < ${endsAtMs}`;
  await database.run(`CREATE VIEW learned AS FROM examples WHERE ${learned} AND weight > 0`);
  await database.run(LESSONS);
  await indexIds(database);
  const source = {
    users: await readUsers(database),
    items: await readItems(database),
    contexts: await readPlaces(database),
  };
  const vocabulary = Vocabulary.build(source);
  const reading = { historyLength, vocabulary };
  const all = await readRows(database, 'lessons', reading);
  refuseOneClass(all.item);
  const heldOut = await readHeldOut(database, judgedBy === 'validation' ? 'validation' : 'test');
  const validation = judgedBy === 'test' ? undefined : await readValidation(database, reading);
  const { features, tags, titles } = vocabulary.itemTables(source);
  return {
    vocabulary,
    data: {
      users: vocabulary.userCount,
      items: vocabulary.itemCount,
      profile: vocabulary.profileTable(source),
      itemFeatures: features,
      itemTags: tags,
      itemTitles: titles,
      train: learnedBefore === undefined ? all : await readNew(database, { learnedBefore, learned }, reading),
      ...(validation && { validation }),
    },
    users: [{ id: '', profile: null }, ...source.users],
    titles: source.items.map(({ metadata }) => metadata?.title ?? ''),
    trainPairs: await readTrainPairs(database),
    newestItems: await readNewestItems(database, historyLength),
    ...heldOut,
  };
}

async function viewOf(
  database: AnalyticDatabase,
  name: string,
  directory: string,
  table: string,
): Promise<void> {
  const path = literal(join(directory, `${table}.parquet`));
  await database.run(`CREATE VIEW ${name} AS SELECT * FROM read_parquet(${path})`);
}

/** Users with training rows are numbered from 1, and from 0 the items of the catalogue and of any example. */
async function indexIds(database: AnalyticDatabase): Promise<void> {
  await database.run(`
    CREATE TABLE user_indices AS
    SELECT id, row_number() OVER (ORDER BY id)::INTEGER AS i
    FROM (SELECT DISTINCT user_id AS id FROM learned)`);
  await database.run(`
    CREATE TABLE item_indices AS
    SELECT id, (row_number() OVER (ORDER BY id) - 1)::INTEGER AS i
    FROM (SELECT item_id AS id FROM items UNION SELECT item_id FROM examples)`);
}

async function readUsers(database: AnalyticDatabase) {
  const rows = await database.rows<UserRow>(`
    SELECT id, users.user_id IS NOT NULL AS known, age, gender, occupation, country
    FROM user_indices LEFT JOIN users ON users.user_id = id ORDER BY i`);
  return rows.map(({ id, known, age, gender, occupation, country }) => {
    return { id, profile: known ? { age, gender: gender as Gender, occupation, country } : null };
  });
}

async function readItems(database: AnalyticDatabase) {
  const rows = await database.rows<ItemRow>(`
    SELECT id, type, title, category, tags, language, difficulty, duration_ms::DOUBLE AS duration_ms
    FROM item_indices LEFT JOIN items ON items.item_id = id ORDER BY i`);
  return rows.map(({ id, type, ...metadata }) => {
    return { id, metadata: type === null ? null : { type, ...metadata } };
  });
}

type Reading = { readonly historyLength: number; readonly vocabulary: Vocabulary };

/** The rows of a view over `examples`, in order of time. */
async function readRows(
  database: AnalyticDatabase,
  view: string,
  { historyLength, vocabulary }: Reading,
): Promise<Examples> {
  await database.run(`
    CREATE OR REPLACE TABLE chosen AS
    SELECT (row_number() OVER (${IN_ORDER}) - 1)::INTEGER AS row, u.i AS user, i.i AS item, weight, recent,
      ${momentColumn} AS moment
    FROM (SELECT *, user_recent_items[1:${historyLength}] AS recent FROM ${view}) e
    ${INDEXED}`);
  const [user, item, weight] = await collectColumns(
    database,
    'SELECT "user", item, weight FROM chosen ORDER BY row',
    [Int32Array, Int32Array, Float32Array],
  );
  const history = await readHistories(database, user.length);
  const context = await readMoments(database, 'chosen', vocabulary);
  return {
    user,
    item,
    weight,
    historyOffsets: history.offsets,
    history: history.ids,
    ...(context && { context }),
  };
}

/** Items of a history that are in no table any more have no index, and are left out. */
async function readHistories(database: AnalyticDatabase, rows: number): Promise<Bags> {
  const [row, ids] = await collectColumns(
    database,
    `SELECT row, i FROM (SELECT row, unnest(recent) AS id, generate_subscripts(recent, 1) AS place FROM chosen)
     JOIN item_indices USING (id) ORDER BY row, place`,
    [Int32Array, Int32Array],
  );
  const offsets = new Int32Array(rows + 1);
  for (const at of row) offsets[at + 1] = (offsets[at + 1] as number) + 1;
  for (let at = 0; at < rows; at++) offsets[at + 1] = (offsets[at + 1] as number) + (offsets[at] as number);
  return { offsets, ids };
}

/** What is to be found in the validation part, as of its own time. */
async function readValidation(database: AnalyticDatabase, reading: Reading): Promise<Examples> {
  await database.run(`
    CREATE VIEW validated AS FROM examples WHERE split = 'validation' AND weight > 0 AND NOT is_repeat`);
  const rows = await readRows(database, 'validated', reading);
  if (rows.user.length === 0) throw nothingHeldOut('validation');
  return rows;
}

/**
 * What another snapshot has not given to learn from. Rows move from the test part to the others as new ones come, so that
 * it is not only the newest.
 */
async function readNew(
  database: AnalyticDatabase,
  { learnedBefore, learned }: { readonly learnedBefore: string; readonly learned: string },
  reading: Reading,
): Promise<Examples> {
  await viewOf(database, 'earlier', learnedBefore, 'examples');
  await database.run(`
    CREATE VIEW fresh AS FROM lessons WHERE event_id NOT IN (
      SELECT event_id FROM earlier WHERE ${learned} AND weight > 0)`);
  const rows = await readRows(database, 'fresh', reading);
  if (rows.user.length > 0) return rows;
  throw new InputError('MR_TRAINING_NOTHING_NEW', 'The snapshot has nothing new to learn from.', {
    hint: 'Wait for more events, or train from scratch with: millrace train',
  });
}

async function readTrainPairs(database: AnalyticDatabase): Promise<Interactions> {
  const [user, item, timestamp] = await collectColumns(
    database,
    `SELECT u.i, i.i, min(ts)::DOUBLE FROM learned e ${INDEXED} GROUP BY ALL ORDER BY 3, 1, 2`,
    [Int32Array, Int32Array, Float64Array],
  );
  return { user, item, timestamp };
}

async function readHeldOut(
  database: AnalyticDatabase,
  part: 'test' | 'validation',
): Promise<Pick<Dataset, 'heldOut' | 'askedIn'>> {
  const ofPart = `${INDEXED} WHERE split = '${part}' AND weight > 0 AND NOT is_repeat`;
  const [user, item] = await collectColumns(
    database,
    `SELECT u.i, i.i FROM examples e ${ofPart} ORDER BY 1, 2`,
    [Int32Array, Int32Array],
  );
  if (user.length === 0) throw nothingHeldOut(part);
  return { heldOut: { user, item }, askedIn: await readFirstMoments(database, `examples e ${ofPart}`) };
}

/** Each user's items by their newest training example, newest first. */
async function readNewestItems(database: AnalyticDatabase, length: number): Promise<Map<number, number[]>> {
  const [user, item] = await collectColumns(
    database,
    `SELECT u.i, i.i FROM learned e ${INDEXED} GROUP BY ALL ORDER BY max(ts) DESC, 2 DESC`,
    [Int32Array, Int32Array],
  );
  return new Map(Array.from(itemsByUser({ user, item }), ([id, items]) => [id, items.slice(0, length)]));
}

/** A model that tells items apart learns nothing from one of them. */
function refuseOneClass(item: Int32Array): void {
  if (item.some((id) => id !== item[0])) return;
  throw new InputError(
    'MR_TRAINING_ONE_CLASS',
    `All ${item.length} examples to learn from are of one item, so there is nothing to rank.`,
    { hint: 'Import or publish events on several items first.' },
  );
}

function nothingHeldOut(part: string): InputError {
  return new InputError(
    'MR_TRAINING_NOTHING_HELD_OUT',
    `The ${part} part of the snapshot has no items of users that were trained on, so the model could not be evaluated.`,
    { hint: `Wait for more events, or raise snapshots.${part}Share.` },
  );
}
