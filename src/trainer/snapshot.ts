import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Log } from '#engine/log';
import { itemFeaturesView, userFeaturesView } from '#features';
import { type Clock, errorCode, type Logger, type Progress, RetryableError } from '#platform';
import type { Snapshot, SnapshotFile } from '#schemas';
import type { Topics } from '#topologies';
import { type AnalyticDatabase, literal, withDuckDb } from './duckdb.ts';
import { fingerprint, partialPrefix, removePartial, sync } from './durable-files.ts';
import { selections, valueTypes } from './snapshot-columns.ts';
import { splitExamples, splitProtocol } from './split.ts';
import { type Staged, stageTopic } from './staging.ts';

export type SnapshotOptions = {
  readonly log: Log;
  readonly topics: Topics;
  readonly dataDirectory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly progress?: Progress;
};

const snapshotDirectory = 'snapshots';
const idDigits = 16;
const views = [userFeaturesView, itemFeaturesView].map(({ name, version }) => ({ name, version }));

/**
 * Writes everything that the topics `examples`, `items` and `users` hold now to Parquet files in
 * `<data>/snapshots/<id>`, and gives the event to be published on `snapshots`. Examples at or beyond the topic's
 * watermark are not complete yet and are left to the next snapshot. The id is a hash of the contents: an equal
 * snapshot is the same one, byte for byte. One call at a time for a data directory.
 *
 * Errors: RetryableError MR_SNAPSHOT_EMPTY when no example is complete.
 */
export async function takeSnapshot(options: SnapshotOptions): Promise<Snapshot> {
  const parent = join(options.dataDirectory, snapshotDirectory);
  await mkdir(parent, { recursive: true });
  await removePartial(parent);
  const aside = await mkdtemp(join(parent, partialPrefix));
  try {
    const written = await writeFiles(options, aside);
    const id = snapshotId(written.files);
    await moveIntoPlace(aside, parent, id);
    return {
      snapshot_id: id,
      ts: options.clock.now(),
      directory: `${snapshotDirectory}/${id}`,
      protocol: splitProtocol,
      views,
      ...written,
    };
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

type Written = Pick<Snapshot, 'files' | 'offsets' | 'watermark' | 'train_rows' | 'test_rows'>;

async function writeFiles(options: SnapshotOptions, aside: string): Promise<Written> {
  const staging = join(aside, 'staging');
  await mkdir(staging);
  const staged = await stageTopics(options, staging);
  const { watermark } = staged.examples;
  const written = await withDuckDb(staging, async (database) => {
    await stageTables(database, staging, watermark);
    const counts = await splitCounts(database);
    if (counts.train === 0) throw empty(staged.examples);
    return { files: await writeParquet(database, aside), counts };
  });
  await rm(staging, { recursive: true });
  return {
    files: written.files,
    offsets: [staged.examples, staged.items, staged.users].flatMap(({ offsets }) => offsets),
    watermark,
    train_rows: written.counts.train,
    test_rows: written.counts.test,
  };
}

async function stageTopics(options: SnapshotOptions, staging: string) {
  const { topics, log, progress } = options;
  const descriptions = await log.describeTopics([topics.examples.name, topics.items.name, topics.users.name]);
  const total = descriptions
    .flatMap(({ offsets }) => offsets)
    .reduce((sum, { start, stable }) => sum + stable - start, 0);
  const step = progress?.start('Snapshot', total);
  const advance = (records: number) => step?.advance(records);
  const staged = {
    examples: await stageTopic(options, topics.examples, join(staging, 'examples.jsonl'), advance),
    items: await stageTopic(options, topics.items, join(staging, 'items.jsonl'), advance),
    users: await stageTopic(options, topics.users, join(staging, 'users.jsonl'), advance),
  };
  step?.update(total);
  step?.done();
  return staged;
}

/** Tables `examples` with their split, and `items` and `users` with the newest record of each key. */
async function stageTables(database: AnalyticDatabase, staging: string, watermark: number): Promise<void> {
  const staged = (name: string, type: string) =>
    `read_json(${literal(join(staging, `${name}.jsonl`))}, format = 'newline_delimited',
       columns = {"partition": 'INTEGER', "offset": 'BIGINT', "key": 'VARCHAR', "value": ${literal(type)}})`;
  const complete = Number.isFinite(watermark) ? watermark : 0;
  await database.run(`
    CREATE TABLE examples AS SELECT ${selections.example}
    FROM ${staged('examples', valueTypes.example)} WHERE value IS NOT NULL AND value.ts < ${complete}`);
  await splitExamples(database);
  for (const [table, entity] of [['items', 'item'] as const, ['users', 'user'] as const]) {
    await database.run(`
      CREATE TABLE ${table} AS SELECT ${selections[entity]} FROM (
        FROM ${staged(table, valueTypes[entity])}
        QUALIFY row_number() OVER (PARTITION BY "partition", "key" ORDER BY "offset" DESC) = 1)
      WHERE value IS NOT NULL`);
  }
}

async function splitCounts(database: AnalyticDatabase): Promise<{ train: number; test: number }> {
  const rows = await database.rows<{ split: string; count: number }>(
    'SELECT split, count(*)::INTEGER AS count FROM splits GROUP BY split',
  );
  const count = (split: string) => rows.find((row) => row.split === split)?.count ?? 0;
  return { train: count('train'), test: count('test') };
}

async function writeParquet(database: AnalyticDatabase, directory: string): Promise<SnapshotFile[]> {
  const queries = {
    examples: `SELECT examples.*, split FROM examples JOIN splits USING (user_id, event_id)
               ORDER BY ts, user_id, item_id, event_id`,
    items: 'FROM items ORDER BY item_id',
    users: 'FROM users ORDER BY user_id',
  };
  const files: SnapshotFile[] = [];
  for (const [table, query] of Object.entries(queries)) {
    const name = `${table}.parquet`;
    const path = join(directory, name);
    await database.run(`COPY (${query}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`);
    await sync(path);
    const [counted] = await database.rows<{ rows: number }>(`SELECT count(*)::INTEGER AS rows FROM ${table}`);
    files.push({ name, rows: counted?.rows ?? 0, ...(await fingerprint(path)) });
  }
  return files;
}

function snapshotId(files: readonly SnapshotFile[]): string {
  const contents = { protocol: splitProtocol, views, files: files.map(({ name, sha256 }) => [name, sha256]) };
  return createHash('sha256').update(JSON.stringify(contents)).digest('hex').slice(0, idDigits);
}

/** A snapshot of this id that is there already may be damaged: the one just written takes its place. */
async function moveIntoPlace(aside: string, parent: string, id: string): Promise<void> {
  const place = join(parent, id);
  await sync(aside);
  if (await exists(place)) await rename(place, join(parent, `${partialPrefix}replaced-${id}`));
  await rename(aside, place);
  await sync(parent);
  await removePartial(parent);
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

function empty({ records }: Staged): RetryableError {
  return new RetryableError(
    'MR_SNAPSHOT_EMPTY',
    `There is nothing to train on: of ${records} examples none lies before the watermark.`,
    { hint: 'Send or import events first, and let the topology process them.' },
  );
}
