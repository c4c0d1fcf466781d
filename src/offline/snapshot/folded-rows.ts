/** Rows of views as of many times, folded in one pass over all accepted events by the functions of the views. */
import { join } from 'node:path';
import { type AnyView, crossKey, type FeatureTtls, featureViews, withTtls } from '#features';
import { avroSchema, type Interaction, type OffsetRange } from '#schemas';
import { type AnalyticDatabase, withDuckDb } from '../duckdb.ts';
import { RecordColumns } from '../record-columns.ts';
import { type ArchiveSource, archivedPart } from './archived-part.ts';
import type { SnapshotTable } from './columns.ts';
import { guarded } from './guarded-view.ts';
import { createRecordTable } from './staged-table.ts';
import { stageTopic } from './staging.ts';

export type FoldSource = ArchiveSource & { readonly featureTtlMs?: FeatureTtls };

/** All accepted events that there ever were, and the offsets that they were read from. */
export type AcceptedEvents = {
  readonly offsets: readonly OffsetRange[];
  inOrder(): AsyncGenerator<Interaction>;
};

export type Candidate = { readonly item_id: string; readonly category: string | null };

/** Rows to be read as of a time, and the numbers that stand before them in their table. */
export type WantedRow = {
  readonly own: Readonly<Record<string, number>>;
  readonly user: string;
  readonly candidate: Candidate;
  readonly ts: number;
};

/** A view with the field of examples that holds its row. */
export type FieldView = { readonly field: string; readonly view: AnyView };

/** Rows that are folded and written at once. */
const BATCH_ROWS = 2048;

const eventColumns = () => new RecordColumns<Interaction>(avroSchema('Interaction'));

/**
 * Hands accepted events to `use`: what is archived is read from there, the rest from the log. Errors: FatalError
 * MR_OFFLINE_INCOMPLETE where the beginning of the events is in neither; those of `use`.
 */
export async function withAcceptedEvents<R>(
  source: ArchiveSource,
  directory: string,
  use: (events: AcceptedEvents) => Promise<R>,
): Promise<R> {
  // A database of its own: a result that is streamed ends with the next statement on its connection.
  return withDuckDb(join(directory, 'accepted'), async (events) => {
    const offsets = await stageEvents(events, source, directory);
    return use({ offsets, inOrder: () => eventsInOrder(events) });
  });
}

/**
 * Makes view `table` with the wanted rows, which come in order of time: what is read at t knows the events strictly before
 * t. The states of all keys that events have lie in memory meanwhile. Errors: those of `guarded`.
 */
export async function foldTable(
  database: AnalyticDatabase,
  {
    table,
    layout,
    views,
  }: { readonly table: string; readonly layout: SnapshotTable; readonly views: readonly FieldView[] },
  wanted: Iterable<WantedRow>,
  events: AsyncGenerator<Interaction>,
  featureTtlMs: FeatureTtls = {},
): Promise<void> {
  const features = await createRecordTable<object>(database, `read_${table}`, layout.record);
  const folds = views.map(({ field, view }) => {
    const read = withTtls(view, featureTtlMs);
    return [field, new Fold(featureViews.includes(view) ? read : guarded(read))] as const;
  });
  let next = await events.next();
  let rows = [];
  let offset = 0;
  for (const { own, user, candidate, ts } of wanted) {
    while (next.done !== true && next.value.ts < ts) {
      for (const [, fold] of folds) fold.add(next.value);
      next = await events.next();
    }
    const read = folds.map(([field, fold]) => [field, fold.rowOf(user, candidate, ts)]);
    const value = { ...own, ...Object.fromEntries(read) };
    rows.push({ partition: 0, offset: offset++, timestamp: ts, key: '', value });
    if (rows.length < BATCH_ROWS) continue;
    await features.add(rows);
    rows = [];
  }
  await features.add(rows);
  await features.close();
  const named = layout.columns.map(({ source: at, name }) => `${at} AS "${name}"`);
  await database.run(`CREATE TEMP VIEW ${table} AS SELECT ${named.join(', ')} FROM read_${table}`);
}

/** Makes view `accepted` of all accepted events that there ever were. */
async function stageEvents(
  events: AnalyticDatabase,
  source: ArchiveSource,
  directory: string,
): Promise<readonly OffsetRange[]> {
  const topic = source.topics['interactions-accepted'];
  const archived = await archivedPart(events, source, 'events', 'beginning', directory);
  const staging = { database: events, onRecords: () => {} };
  const { offsets } = await stageTopic(source, topic, eventColumns(), 'accepted', staging, archived);
  return offsets;
}

async function* eventsInOrder(events: AnalyticDatabase): AsyncGenerator<Interaction> {
  const columns = eventColumns();
  const rows = events.valueRows(
    `SELECT ${columns.selection} FROM accepted WHERE NOT is_tombstone ORDER BY ts`,
  );
  for await (const chunk of rows) for (const row of chunk) yield columns.record(row).value;
}

/** The states of a view after the events that it was given. */
class Fold {
  readonly #view: AnyView;
  readonly #states = new Map<string, unknown>();

  constructor(view: AnyView) {
    this.#view = view;
  }

  add(event: Interaction): void {
    if (!this.#view.filter(event)) return;
    const key = this.#view.key(event);
    this.#states.set(key, this.#view.add(this.#states.get(key) ?? this.#view.empty(), event));
  }

  /** Null where the candidate lacks what the view is keyed by. */
  rowOf(user: string, candidate: Candidate, ts: number): unknown {
    const key = keyOf(this.#view, user, candidate);
    if (key === null) return null;
    return this.#view.finish(this.#states.get(key) ?? this.#view.empty(), ts);
  }
}

function keyOf({ entity }: AnyView, user: string, { item_id, category }: Candidate): string | null {
  switch (entity) {
    case 'user':
      return user;
    case 'item':
      return item_id;
    case 'user-category':
      return category === null ? null : crossKey(user, category);
    case 'user-item':
      return crossKey(user, item_id);
  }
}
