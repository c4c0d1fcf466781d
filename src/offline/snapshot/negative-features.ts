import { join } from 'node:path';
import { type AnyView, crossKey, type FeatureTtls, featureViews, withTtls } from '#features';
import { avroSchema, type Interaction, type OffsetRange } from '#schemas';
import { type AnalyticDatabase, collectColumns, type TableAppender, withDuckDb } from '../duckdb.ts';
import { RecordColumns } from '../record-columns.ts';
import { type ArchiveSource, archivedPart } from './archived-part.ts';
import { partialTable } from './columns.ts';
import { createRecordTable, type StagedRecord } from './staged-table.ts';
import { stageTopic } from './staging.ts';

export type NegativeSource = ArchiveSource & { readonly featureTtlMs?: FeatureTtls };

/** Rows that are folded and written at once. */
const BATCH_ROWS = 2048;

const eventColumns = new RecordColumns<Interaction>(avroSchema('Interaction'));

/** The views whose rows differ with the item. Rows of the user alone are the positive's own: a negative does not repeat them. */
const itemSide = featureViews.flatMap((view) =>
  view.exampleField === undefined || view.entity === 'user' ? [] : [{ field: view.exampleField, view }],
);

export const negativeLayout = partialTable(
  ['positive', 'place'],
  'Example',
  itemSide.map(({ field }) => field),
);

/**
 * Makes table `negative_features` for table `drawn`: the features of each negative as of the positive's time, under the
 * names that they have in an example. They are folded from all accepted events in one pass in order of time, by the
 * functions of the views: what is read at t knows the events strictly before t. The states of all keys that events have
 * lie in memory meanwhile. What is archived is read from there, the rest from the log. Gives the offsets that were read.
 *
 * Errors: FatalError MR_OFFLINE_INCOMPLETE where the beginning of the events is in neither.
 */
export async function negativeFeatures(
  database: AnalyticDatabase,
  source: NegativeSource,
  directory: string,
): Promise<readonly OffsetRange[]> {
  const drawn = await readDrawn(database);
  // A database of its own: a result that is streamed ends with the next statement on its connection.
  return withDuckDb(join(directory, 'accepted'), async (events) => {
    const offsets = await stageEvents(events, source, directory);
    const features = await createRecordTable(database, 'read_negative_features', negativeLayout.record);
    await foldInto(features, drawn, eventsInOrder(events), source.featureTtlMs ?? {});
    const named = negativeLayout.columns.map(({ source: at, name }) => `${at} AS "${name}"`);
    await database.run(
      `CREATE TEMP VIEW negative_features AS SELECT ${named.join(', ')} FROM read_negative_features`,
    );
    return offsets;
  });
}

/** The negatives in order of their positives, column by column, and what the columns' numbers stand for. */
type Drawn = {
  readonly positive: Int32Array;
  readonly place: Int32Array;
  readonly item: Int32Array;
  readonly positives: { readonly user: Int32Array; readonly ts: Float64Array };
  readonly users: readonly string[];
  readonly items: readonly Candidate[];
};

type Candidate = { readonly item_id: string; readonly category: string | null };

async function readDrawn(database: AnalyticDatabase): Promise<Drawn> {
  const [positive, place, item] = await collectColumns(
    database,
    'SELECT positive, place, item FROM drawn ORDER BY positive, place',
    [Int32Array, Int32Array, Int32Array],
  );
  const [user, ts] = await collectColumns(
    database,
    'SELECT (dense_rank() OVER (ORDER BY user_id) - 1)::INTEGER, ts::DOUBLE FROM positives ORDER BY row',
    [Int32Array, Float64Array],
  );
  const users = await database.rows<{ user_id: string }>(
    'SELECT DISTINCT user_id FROM positives ORDER BY user_id',
  );
  const items = await database.rows<{ item_id: string; category: string | null }>(
    'SELECT item_id, category FROM candidates ORDER BY i',
  );
  return {
    positive,
    place,
    item,
    positives: { user, ts },
    users: users.map(({ user_id }) => user_id),
    items,
  };
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
  const { offsets } = await stageTopic(source, topic, eventColumns, 'accepted', staging, archived);
  return offsets;
}

async function* eventsInOrder(events: AnalyticDatabase): AsyncGenerator<Interaction> {
  const rows = events.valueRows(
    `SELECT ${eventColumns.selection} FROM accepted WHERE NOT is_tombstone ORDER BY ts`,
  );
  for await (const chunk of rows) for (const row of chunk) yield eventColumns.record(row).value;
}

async function foldInto(
  features: TableAppender<StagedRecord<object>>,
  { positive, place, item, positives, users, items }: Drawn,
  events: AsyncGenerator<Interaction>,
  featureTtlMs: FeatureTtls,
): Promise<void> {
  const folds = itemSide.map(({ field, view }) => [field, new Fold(withTtls(view, featureTtlMs))] as const);
  let next = await events.next();
  for (let from = 0; from < positive.length; from += BATCH_ROWS) {
    const rows = [];
    for (let at = from; at < Math.min(positive.length, from + BATCH_ROWS); at++) {
      const row = positive[at] as number;
      const ts = positives.ts[row] as number;
      while (next.done !== true && next.value.ts < ts) {
        for (const [, fold] of folds) fold.add(next.value);
        next = await events.next();
      }
      const user = users[positives.user[row] as number] as string;
      const candidate = items[item[at] as number] as Candidate;
      const value = {
        positive: row,
        place: place[at] as number,
        ...Object.fromEntries(folds.map(([field, fold]) => [field, fold.rowOf(user, candidate, ts)])),
      };
      rows.push({ partition: 0, offset: at, timestamp: ts, key: '', value });
    }
    await features.add(rows);
  }
  await features.close();
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
