import type { Topic } from '#engine';
import type { Log } from '#log';
import type { Clock, Progress } from '#platform';
import { excludedUsers } from '#privacy';
import type { OffsetRange } from '#schemas';
import { type AnalyticDatabase, literal } from '../duckdb.ts';
import { type ArchivedPart, type ArchiveSource, archivedPart } from './archived-part.ts';
import { type SnapshotTable, snapshotTable } from './columns.ts';
import { type SplitOptions, splitExamples } from './split.ts';
import { createRecordTable } from './staged-table.ts';
import { type Staged, stageTopic } from './staging.ts';
import { type WaitingOptions, waitingExamples } from './waiting.ts';

export type TableSource = ArchiveSource & {
  readonly progress?: Progress;
  readonly clock: Clock;
  readonly waiting?: WaitingOptions;
};

export type Collected = {
  /** Offsets of all topics that were read. */
  readonly offsets: readonly OffsetRange[];
  readonly watermark: number;
  /** Examples that were read, whatever became of them. */
  readonly records: number;
  /** Those of whom something was read: of an erased one the archive holds nothing any more. */
  readonly excludedUsers: number;
  readonly trainPositives: number;
};

export const layouts = {
  examples: snapshotTable('Example'),
  corrections: snapshotTable('ExampleCorrection'),
  items: snapshotTable('Item'),
  users: snapshotTable('User'),
};

/**
 * Makes the tables of a snapshot from the topics: `items` and `users` with the newest record of each key, `splits` with
 * a row for each example that belongs to the snapshot, and view `examples` over those, with the newest labels of each.
 */
export async function collectTables(
  database: AnalyticDatabase,
  source: TableSource,
  directory: string,
  split: SplitOptions,
): Promise<Collected> {
  const { log, topics } = source;
  const excludedAt = await offsetsOf(log, topics.privacy);
  const excluded = await excludedUsers(log, topics.privacy);
  const staged = await stageAll(database, source, directory);
  const { added, watermark } = await addWaiting(database, source, staged.examples);
  await newestPerKey(database, 'items', layouts.items);
  await newestPerKey(database, 'users', layouts.users);
  const counted = await leaveOut(database, excluded);
  await database.run(`
    CREATE TABLE keys AS SELECT row, event_id, user_id, item_id, ts, weight FROM staged_examples
    WHERE NOT is_tombstone AND ts < ${Number.isFinite(watermark) ? watermark : 0}
      AND user_id NOT IN (SELECT user_id FROM excluded)`);
  await splitExamples(database, split);
  await correctLabels(database);
  const trainPositives = await database.number(
    `SELECT count(*) FROM splits JOIN keys USING (row) WHERE split = 'train' AND weight > 0`,
  );
  return {
    offsets: [...Object.values(staged).flatMap(({ offsets }) => offsets), ...excludedAt],
    watermark,
    records: staged.examples.records + added,
    excludedUsers: counted,
    trainPositives,
  };
}

async function stageAll(database: AnalyticDatabase, source: TableSource, directory: string) {
  const { log, topics, progress } = source;
  const names = [topics.examples, topics['example-corrections'], topics.items, topics.users].map(
    ({ name }) => name,
  );
  const total = (await log.describeTopics(names))
    .flatMap(({ offsets }) => offsets)
    .reduce((sum, { start, stable }) => sum + stable - start, 0);
  const step = progress?.start('Snapshot', total);
  const staging = { database, onRecords: (records: number) => step?.advance(records) };
  const stage = async <V extends object>(
    topic: Topic<string, V>,
    table: string,
    { columns, record }: SnapshotTable,
    archived?: ArchivedPart,
  ): Promise<Staged> => {
    const staged = await stageTopic(source, topic, record, `read_${table}`, staging, archived);
    const named = columns.map((column) => `${column.source} AS "${column.name}"`);
    // A number for each record, the same wherever it was read.
    const row = `log_offset * ${topic.partitions} + log_partition AS row`;
    await database.run(`CREATE TEMP VIEW staged_${table} AS
      SELECT ${row}, log_partition, log_offset, log_key, is_tombstone, ${named.join(', ')} FROM read_${table}`);
    return staged;
  };
  const archived = await archivedPart(database, source, 'examples', 'log-start', directory);
  const staged = {
    examples: await stage(topics.examples, 'examples', layouts.examples, archived),
    corrections: await stage(topics['example-corrections'], 'corrections', layouts.corrections),
    items: await stage(topics.items, 'items', layouts.items),
    users: await stage(topics.users, 'users', layouts.users),
  };
  step?.update(total);
  step?.done();
  return staged;
}

/** Adds the examples that wait to those that were read. Returns how many, and the watermark then. */
async function addWaiting(
  database: AnalyticDatabase,
  source: TableSource,
  { watermark, offsets }: Staged,
): Promise<{ readonly added: number; readonly watermark: number }> {
  const ends = offsets.map(({ end }) => end);
  const completed = source.waiting && (await waitingExamples(source, source.waiting, { ends, watermark }));
  if (completed === undefined) return { added: 0, watermark };
  const appender = await createRecordTable(database, 'waiting_examples', layouts.examples.record);
  await appender.add(completed.records);
  await appender.close();
  await database.run(`DELETE FROM waiting_examples w WHERE EXISTS (SELECT 1 FROM read_examples e
    WHERE e.user_id = w.user_id AND e.event_id = w.event_id AND NOT e.is_tombstone)`);
  await database.run('INSERT INTO rest_read_examples SELECT * FROM waiting_examples');
  const added = await database.number('SELECT count(*) FROM waiting_examples');
  return { added, watermark: Math.max(watermark, completed.watermark) };
}

async function newestPerKey(
  database: AnalyticDatabase,
  table: string,
  { columns }: SnapshotTable,
): Promise<void> {
  await database.run(`
    CREATE TABLE ${table} AS SELECT ${columns.map(({ name }) => `"${name}"`).join(', ')} FROM (
      FROM staged_${table}
      QUALIFY row_number() OVER (PARTITION BY log_partition, log_key ORDER BY log_offset DESC) = 1)
    WHERE NOT is_tombstone`);
}

/** Makes table `excluded` and takes its users out of `users`. Gives how many of them the topics hold something of. */
async function leaveOut(database: AnalyticDatabase, users: ReadonlySet<string>): Promise<number> {
  await database.run('CREATE TABLE excluded (user_id VARCHAR)');
  const ids = [...users];
  for (let from = 0; from < ids.length; from += 1000) {
    const values = ids.slice(from, from + 1000).map((id) => `(${literal(id)})`);
    await database.run(`INSERT INTO excluded VALUES ${values.join(', ')}`);
  }
  const counted = await database.number(`
    SELECT count(*) FROM excluded WHERE user_id IN (
      SELECT user_id FROM staged_examples WHERE NOT is_tombstone UNION SELECT user_id FROM users)`);
  await database.run('DELETE FROM users WHERE user_id IN (SELECT user_id FROM excluded)');
  return counted;
}

/** View `examples`: the examples of `splits` with their parts. A correction replaces all labels of its example. */
async function correctLabels(database: AnalyticDatabase): Promise<void> {
  await database.run(`
    CREATE TABLE corrections AS FROM staged_corrections WHERE NOT is_tombstone
    QUALIFY row_number() OVER (PARTITION BY user_id, event_id ORDER BY log_partition, log_offset DESC) = 1`);
  const correctable = new Set(layouts.corrections.columns.map(({ name }) => name));
  const columns = layouts.examples.columns.map(({ name }) =>
    name.startsWith('labels_') && correctable.has(name)
      ? `CASE WHEN c.event_id IS NULL THEN e."${name}" ELSE c."${name}" END AS "${name}"`
      : `e."${name}"`,
  );
  await database.run(`
    CREATE VIEW corrected_examples AS SELECT ${columns.join(', ')}, s.split, s.is_repeat
    FROM staged_examples e JOIN splits s ON e.row = s.row
    LEFT JOIN corrections c ON c.user_id = e.user_id AND c.event_id = e.event_id`);
}

async function offsetsOf(log: Log, topic: { readonly name: string }): Promise<OffsetRange[]> {
  const [description] = await log.describeTopics([topic.name]);
  return (description?.offsets ?? []).map(({ start, stable }, partition) => {
    return { topic: topic.name, partition, start, end: stable };
  });
}
