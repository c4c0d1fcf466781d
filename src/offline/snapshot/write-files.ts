import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AnyView, featureViews } from '#features';
import type { Progress } from '#platform';
import type { OffsetRange, Snapshot, SnapshotFile, ViewVersion } from '#schemas';
import { type AnalyticDatabase, literal } from '../duckdb.ts';
import { fingerprint, sync } from '../durable-files.ts';
import type { SnapshotColumn } from './columns.ts';
import { type AcceptedEvents, type FoldSource, withAcceptedEvents } from './folded-rows.ts';
import { exampleOrder, moduleFeatures, moduleLayout } from './module-features.ts';
import { negativeFeatures, negativeLayout } from './negative-features.ts';
import { drawNegatives, type NegativeOptions } from './negatives.ts';
import { statisticsFile } from './published.ts';
import { type ColumnStatistics, statisticsOf } from './statistics.ts';
import { layouts } from './tables.ts';
import { vocabularyQuery, vocabularySizes } from './vocabulary.ts';

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
    modules.length === 0 ? `FROM corrected_examples ${exampleOrder}` : examplesQuery(moduleColumns),
  );
  await write('items', 'FROM items ORDER BY item_id');
  await write('users', 'FROM users ORDER BY user_id');
  const examples = join(target, 'examples.parquet');
  // What follows is read from the file: it lies there in order, and a column at a time.
  await database.run(`CREATE VIEW examples AS FROM read_parquet(${literal(examples)})`);
  await write('vocabulary', vocabularyQuery);

  let negativeRows = 0;
  if (events !== undefined && negatives !== undefined) {
    await drawNegatives(database, negatives);
    await negativeFeatures(database, source, events);
    negativeRows = await write('negatives', negativesQuery(negativeLayout(modules).columns.slice(2)));
  }
  const columns = [...layouts.examples.columns, ...moduleColumns];
  const statistics = await statisticsOf(database, examples, columns);
  await writeFile(join(target, statisticsFile), `${JSON.stringify({ columns: statistics })}\n`);
  await file(statisticsFile, statistics.length);
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
  FROM (SELECT *, row_number() OVER (${exampleOrder}) - 1 AS place_in_order FROM corrected_examples) e
  JOIN module_features f ON f.example = e.place_in_order ORDER BY place_in_order`;
}

/** A negative has the event id, the user, the time and the part of its positive, and its own item with its features. */
function negativesQuery(columns: readonly SnapshotColumn[]): string {
  return `
  SELECT p.event_id, p.user_id, c.item_id, p.ts, p.split, d.place,
    CASE d.by_popularity WHEN 1 THEN 'popularity' ELSE 'uniform' END AS drawn, ${selected(columns)}
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
