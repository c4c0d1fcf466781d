import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AnyView, featureViews } from '#features';
import { fingerprint, type Progress, sync } from '#platform';
import type { OffsetRange, Snapshot, SnapshotFile, ViewVersion } from '#schemas';
import { type AnalyticDatabase, literal } from '../duckdb.ts';
import type { SnapshotColumn } from './columns.ts';
import { type AcceptedEvents, type FoldSource, withAcceptedEvents } from './folded-rows.ts';
import { EXAMPLE_ORDER, moduleFeatures, moduleLayout } from './module-features.ts';
import { negativeFeatures, negativeLayout } from './negative-features.ts';
import { DRAWN_BY, drawNegatives, type NegativeOptions } from './negatives.ts';
import { STATISTICS_FILE } from './published.ts';
import { type ColumnStatistics, statisticsOf } from './statistics.ts';
import { layouts } from './tables.ts';

/** The views whose rows are in an example. */
export function snapshotViews(modules: readonly AnyView[] = []): ViewVersion[] {
  return [...featureViews, ...modules].map(({ name, version, declaration }) => {
    return { name, version, declaration };
  });
}

export type FilesSource = FoldSource & {
  readonly negatives?: NegativeOptions;
  /** As exampleModules returns them. */
  readonly modules?: readonly AnyView[];
  readonly progress?: Progress;
};

type Directories = { readonly target: string; readonly staging: string };

export type WrittenFiles = Pick<Snapshot, 'vocabulary'> & {
  readonly files: readonly SnapshotFile[];
  readonly parts: Pick<Snapshot, 'train_rows' | 'validation_rows' | 'test_rows'>;
  readonly statistics: readonly ColumnStatistics[];
  readonly negativeRows: number;
  /** Offsets of the accepted events that features were folded from. */
  readonly eventOffsets: readonly OffsetRange[];
};

/**
 * Writes the files of a snapshot from the tables of collectTables: each in a total order of its rows, so that equal
 * tables give equal bytes.
 */
export async function writeFiles(
  database: AnalyticDatabase,
  source: FilesSource,
  directories: Directories,
): Promise<WrittenFiles> {
  const { modules = [], negatives } = source;
  // No fold, no events: staging all of them is most of a snapshot's time.
  if (modules.length === 0 && negatives === undefined) return writeTables(database, source, directories);
  return withAcceptedEvents(source, directories.staging, (events) =>
    writeTables(database, source, directories, events),
  );
}

async function writeTables(
  database: AnalyticDatabase,
  source: FilesSource,
  { target }: Directories,
  events?: AcceptedEvents,
): Promise<WrittenFiles> {
  const { modules = [], negatives, progress } = source;
  const step = progress?.start('Snapshot files', negatives === undefined ? 5 : 6);
  const files: SnapshotFile[] = [];
  const file = async (name: string, rows: number) => {
    files.push(await filed(target, name, rows));
    step?.advance(1);
  };
  const write = async (table: string, query: string): Promise<number> => {
    const path = join(target, `${table}.parquet`);
    const rows = await database.copy(
      `COPY (${query}) TO ${literal(path)} (FORMAT parquet, COMPRESSION zstd)`,
    );
    await file(`${table}.parquet`, rows);
    return rows;
  };
  const moduleColumns = modules.length === 0 ? [] : moduleLayout(modules).columns.slice(1);
  if (events !== undefined && modules.length > 0) await moduleFeatures(database, source, modules, events);
  await write(
    'examples',
    modules.length === 0 ? `FROM corrected_examples ${EXAMPLE_ORDER}` : examplesQuery(moduleColumns),
  );
  await write('items', 'FROM items ORDER BY item_id');
  await write('users', 'FROM users ORDER BY user_id');
  const examples = join(target, 'examples.parquet');
  // What follows is read from the file: it lies there in order, and a column at a time.
  await database.run(`CREATE VIEW examples AS FROM read_parquet(${literal(examples)})`);
  await write('vocabulary', VOCABULARY_QUERY);

  let negativeRows = 0;
  if (events !== undefined && negatives !== undefined) {
    await drawNegatives(database, negatives);
    await negativeFeatures(database, source, events);
    negativeRows = await write('negatives', negativesQuery(negativeLayout(modules).columns.slice(2)));
  }
  const columns = [...layouts.examples.columns, ...moduleColumns];
  const statistics = await statisticsOf(database, examples, columns);
  await writeFile(join(target, STATISTICS_FILE), `${JSON.stringify({ columns: statistics })}\n`);
  await file(STATISTICS_FILE, statistics.length);
  step?.done();
  const sizes = await vocabularySizes(
    database,
    `read_parquet(${literal(join(target, 'vocabulary.parquet'))})`,
  );
  return {
    files,
    parts: await partsOf(database),
    statistics,
    vocabulary: {
      users: sizes.get('user') ?? 0,
      items: sizes.get('item') ?? 0,
      categories: sizes.get('category') ?? 0,
      tags: sizes.get('tag') ?? 0,
    },
    negativeRows,
    eventOffsets: events?.offsets ?? [],
  };
}

function examplesQuery(columns: readonly SnapshotColumn[]): string {
  return `
  SELECT e.* EXCLUDE (place_in_order), ${selected(columns)}
  FROM (SELECT *, row_number() OVER (${EXAMPLE_ORDER}) - 1 AS place_in_order FROM corrected_examples) e
  JOIN module_features f ON f.example = e.place_in_order ORDER BY place_in_order`;
}

/** A negative has the event id, the user, the time and the part of its positive, and its own item with its features. */
function negativesQuery(columns: readonly SnapshotColumn[]): string {
  return `
  SELECT p.event_id, p.user_id, c.item_id, p.ts, p.split, d.place,
    [${DRAWN_BY.map(literal).join(', ')}][d.drawn_by + 1] AS drawn, ${selected(columns)}
  FROM drawn d JOIN positives p ON p.row = d.positive JOIN candidates c ON c.i = d.item
  JOIN negative_features f ON f.positive = d.positive AND f.place = d.place
  ORDER BY d.positive, d.place`;
}

function selected(columns: readonly SnapshotColumn[]): string {
  return columns.map(({ name }) => `f."${name}"`).join(', ');
}

async function filed(directory: string, name: string, rows: number): Promise<SnapshotFile> {
  const path = join(directory, name);
  await sync(path);
  return { name, rows, ...(await fingerprint(path)) };
}

async function partsOf(database: AnalyticDatabase): Promise<WrittenFiles['parts']> {
  const rows = await database.rows<{ split: string; count: number }>(
    'SELECT split, count(*)::INTEGER AS count FROM splits GROUP BY split',
  );
  const count = (split: string) => rows.find((row) => row.split === split)?.count ?? 0;
  return { train_rows: count('train'), validation_rows: count('validation'), test_rows: count('test') };
}

/**
 * The ids that a model may know: SELECT of (kind, id, examples, positives, train_positives), a row each of the users,
 * items, categories and tags that the catalogue or an example names, in order of kind and id. An example counts for the
 * category and tags that its item had then, as its facts say, and where it has none for those that the item has now.
 * Reads tables `examples`, `items` and `users`.
 */
const VOCABULARY_QUERY = `
  WITH named AS (
    SELECT e.user_id, e.item_id, e.weight > 0 AS is_positive, e.weight > 0 AND e.split = 'train' AS is_trained,
      coalesce(e.facts_category, i.category) AS category, coalesce(e.facts_tags, i.tags) AS tags
    FROM examples e LEFT JOIN items i USING (item_id)
  ), counted AS (
    SELECT 'user' AS kind, user_id AS id, is_positive, is_trained FROM named
    UNION ALL SELECT 'item', item_id, is_positive, is_trained FROM named
    UNION ALL SELECT 'category', category, is_positive, is_trained FROM named WHERE category IS NOT NULL
    UNION ALL SELECT 'tag', tag, is_positive, is_trained FROM (SELECT unnest(tags) AS tag, * FROM named)
  ), counts AS (
    SELECT kind, id, count(*) AS examples, count(*) FILTER (is_positive) AS positives,
      count(*) FILTER (is_trained) AS train_positives
    FROM counted GROUP BY ALL
    UNION ALL SELECT 'user', user_id, 0, 0, 0 FROM users
    UNION ALL SELECT 'item', item_id, 0, 0, 0 FROM items
    UNION ALL SELECT DISTINCT 'category', category, 0, 0, 0 FROM items
    UNION ALL SELECT DISTINCT 'tag', unnest(tags), 0, 0, 0 FROM items
  )
  SELECT kind, id, sum(examples)::BIGINT AS examples, sum(positives)::BIGINT AS positives,
    sum(train_positives)::BIGINT AS train_positives
  FROM counts GROUP BY kind, id ORDER BY kind, id`;

async function vocabularySizes(
  database: AnalyticDatabase,
  vocabulary: string,
): Promise<ReadonlyMap<string, number>> {
  const rows = await database.rows<{ kind: string; ids: number }>(
    `SELECT kind, count(*)::INTEGER AS ids FROM ${vocabulary} GROUP BY kind`,
  );
  return new Map(rows.map(({ kind, ids }) => [kind, ids]));
}
