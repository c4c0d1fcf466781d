import { join } from 'node:path';
import { type Bags, type Examples, type Interactions, type TwoTowerData, TwoTowerVocabulary } from '#models';
import { type AnalyticDatabase, collectColumns, literal } from '#offline';
import type { Gender, ItemType, Profile } from '#schemas';

/** A snapshot as a model reads it: dense ids and typed arrays. */
export type Dataset = {
  readonly vocabulary: TwoTowerVocabulary;
  readonly data: TwoTowerData;
  /** The training rows' pairs of user and item, each at the time of its first example. */
  readonly trainPairs: Interactions;
  /** The pairs to be found. */
  readonly heldOut: Pick<Interactions, 'user' | 'item'>;
};

type UserRow = { readonly id: string; readonly known: boolean } & {
  readonly [F in keyof Profile]: Profile[F];
};
type ItemRow = {
  readonly id: string;
  readonly type: ItemType | null;
  readonly category: string;
  readonly tags: string[];
  readonly language: string | null;
  readonly difficulty: number | null;
  readonly duration_ms: number | null;
};

/**
 * The positives of both parts before the test part: nothing is chosen by the validation part yet, so it would teach
 * nobody anything else.
 */
const isTrained = "split IN ('train', 'validation') AND weight > 0";
const inOrder = 'ORDER BY e.ts, u.i, i.i, e.event_id';
const indexed = 'JOIN user_indices u ON u.id = e.user_id JOIN item_indices i ON i.id = e.item_id';

/** Reads the Parquet files of a snapshot. Histories are cut after `historyLength` items. */
export async function readDataset(
  database: AnalyticDatabase,
  directory: string,
  historyLength: number,
): Promise<Dataset> {
  for (const table of ['examples', 'items', 'users']) {
    await database.run(
      `CREATE VIEW ${table} AS SELECT * FROM read_parquet(${literal(join(directory, `${table}.parquet`))})`,
    );
  }
  await indexIds(database);
  const source = { users: await readUsers(database), items: await readItems(database) };
  const vocabulary = TwoTowerVocabulary.build(source);
  const train = await readTrainingRows(database, historyLength);
  const { features, tags } = vocabulary.itemTables(source);
  return {
    vocabulary,
    data: {
      users: vocabulary.userCount,
      items: vocabulary.itemCount,
      profile: vocabulary.profileTable(source),
      itemFeatures: features,
      itemTags: tags,
      train,
    },
    trainPairs: await readTrainPairs(database),
    heldOut: await readHeldOut(database),
  };
}

/** Users with training rows are numbered from 1, and from 0 the items of the catalogue and of any example. */
async function indexIds(database: AnalyticDatabase): Promise<void> {
  await database.run(`
    CREATE TABLE user_indices AS
    SELECT id, row_number() OVER (ORDER BY id)::INTEGER AS i
    FROM (SELECT DISTINCT user_id AS id FROM examples WHERE ${isTrained})`);
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
    SELECT id, type, category, tags, language, difficulty, duration_ms::DOUBLE AS duration_ms
    FROM item_indices LEFT JOIN items ON items.item_id = id ORDER BY i`);
  return rows.map(({ id, type, ...metadata }) => {
    return { id, metadata: type === null ? null : { type, ...metadata } };
  });
}

async function readTrainingRows(database: AnalyticDatabase, historyLength: number): Promise<Examples> {
  await database.run(`
    CREATE TABLE train AS
    SELECT (row_number() OVER (${inOrder}) - 1)::INTEGER AS row, u.i AS user, i.i AS item, weight, recent
    FROM (SELECT *, user_recent_items[1:${historyLength}] AS recent FROM examples WHERE ${isTrained}) e
    ${indexed}`);
  const [user, item, weight] = await collectColumns(
    database,
    'SELECT "user", item, weight FROM train ORDER BY row',
    [Int32Array, Int32Array, Float32Array],
  );
  const history = await readHistories(database, user.length);
  return { user, item, weight, historyOffsets: history.offsets, history: history.ids };
}

/** Items of a history that are in no table any more have no index, and are left out. */
async function readHistories(database: AnalyticDatabase, rows: number): Promise<Bags> {
  const [row, ids] = await collectColumns(
    database,
    `SELECT row, i FROM (SELECT row, unnest(recent) AS id, generate_subscripts(recent, 1) AS place FROM train)
     JOIN item_indices USING (id) ORDER BY row, place`,
    [Int32Array, Int32Array],
  );
  const offsets = new Int32Array(rows + 1);
  for (const at of row) offsets[at + 1] = (offsets[at + 1] as number) + 1;
  for (let at = 0; at < rows; at++) offsets[at + 1] = (offsets[at + 1] as number) + (offsets[at] as number);
  return { offsets, ids };
}

async function readTrainPairs(database: AnalyticDatabase): Promise<Interactions> {
  const [user, item, timestamp] = await collectColumns(
    database,
    `SELECT u.i, i.i, min(ts)::DOUBLE FROM examples e ${indexed}
     WHERE ${isTrained} GROUP BY ALL ORDER BY 3, 1, 2`,
    [Int32Array, Int32Array, Float64Array],
  );
  return { user, item, timestamp };
}

async function readHeldOut(database: AnalyticDatabase): Promise<Dataset['heldOut']> {
  const [user, item] = await collectColumns(
    database,
    `SELECT u.i, i.i FROM examples e ${indexed} WHERE split = 'test' AND weight > 0 AND NOT is_repeat ORDER BY 1, 2`,
    [Int32Array, Int32Array],
  );
  return { user, item };
}
