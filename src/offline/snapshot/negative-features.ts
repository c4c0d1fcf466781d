import { join } from 'node:path';
import type { Log } from '#engine/log';
import {
  type AnyView,
  crossKey,
  itemFeaturesView,
  userCategoryFeaturesView,
  userItemFeaturesView,
} from '#features';
import type { Logger } from '#platform';
import type { Interaction, OffsetRange } from '#schemas';
import type { Topics } from '#topologies';
import { collectColumns } from '../columns.ts';
import { type AnalyticDatabase, withDuckDb } from '../duckdb.ts';
import { openOffline } from '../reading.ts';
import { partialTable, type SnapshotTable } from './columns.ts';
import { Loading, stageTopic } from './staging.ts';

export type FeatureSource = {
  readonly log: Log;
  readonly topics: Topics;
  readonly logger: Logger;
  readonly dataDirectory: string;
};

/** Rows that are folded and written at once. */
const batchRows = 2048;

/** An accepted event as it was, beside its time. */
const eventLayout: SnapshotTable = {
  type: 'JSON',
  columns: [
    { name: 'ts', type: 'BIGINT', kind: 'number', source: "(value ->> '$.ts')::BIGINT" },
    { name: 'event', type: 'VARCHAR', kind: 'id', source: 'value::VARCHAR' },
  ],
  hasNotFinite: () => false,
};

/** The features of a negative: those of its item, and of the user with its category and with the item itself. */
export const negativeLayout = partialTable(['positive', 'place'], 'Example', ['item', 'category', 'pair']);

/**
 * Makes table `negative_features` for table `drawn`: the features of each negative as of the positive's time, under the
 * names that they have in an example. They are folded from all accepted events in one pass in order of time, by the
 * functions of the views: what is read at t knows the events strictly before t. The states of all keys that events have
 * lie in memory meanwhile. What the log no longer holds is read from the archive. Gives the offsets that were read.
 *
 * Errors: FatalError MR_OFFLINE_INCOMPLETE where the beginning of the events is in neither.
 */
export async function negativeFeatures(
  database: AnalyticDatabase,
  source: FeatureSource,
  directory: string,
): Promise<readonly OffsetRange[]> {
  const drawn = await readDrawn(database);
  // A database of its own: a result that is streamed ends with the next statement on its connection.
  return withDuckDb(join(directory, 'accepted'), async (events) => {
    const offsets = await stageEvents(events, database, source, directory);
    const loading = await Loading.begin(
      { database, directory, onRecords: () => {} },
      'negative_features',
      negativeLayout,
    );
    try {
      await foldInto(loading, drawn, eventsInOrder(events));
      await loading.end();
    } finally {
      await loading.abandon();
    }
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
  readonly items: readonly { readonly item_id: string; readonly category: string | null }[];
};

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

/** Makes table `accepted`, and `archived` for what lies below the log's start. */
async function stageEvents(
  events: AnalyticDatabase,
  database: AnalyticDatabase,
  source: FeatureSource,
  directory: string,
): Promise<readonly OffsetRange[]> {
  const staging = { database: events, directory, onRecords: () => {} };
  const topic = source.topics['interactions-accepted'];
  const { offsets } = await stageTopic(source, topic, 'accepted', eventLayout, staging);
  const missing = offsets.filter(({ start }) => start > 0);
  const loading = await Loading.begin(staging, 'archived', eventLayout);
  try {
    if (missing.length > 0) {
      const archive = await openOffline(source);
      const stretches = missing.map(({ partition, start }) => ({ partition, from: 0, to: start }));
      for await (const records of archive.records(database, 'interactions-accepted', stretches)) {
        await loading.add(records);
      }
    }
    await loading.end();
  } finally {
    await loading.abandon();
  }
  return offsets.map((range) => ({ ...range, start: 0 }));
}

async function* eventsInOrder(events: AnalyticDatabase): AsyncGenerator<Interaction> {
  const rows = events.valueRows(`
    SELECT event FROM (SELECT ts, event FROM archived UNION ALL SELECT ts, event FROM accepted)
    WHERE event IS NOT NULL ORDER BY ts`);
  for await (const chunk of rows) for (const [event] of chunk) yield JSON.parse(event as string);
}

async function foldInto(
  loading: Loading,
  { positive, place, item, positives, users, items }: Drawn,
  events: AsyncGenerator<Interaction>,
): Promise<void> {
  const ofItem = new Fold(itemFeaturesView);
  const ofCategory = new Fold(userCategoryFeaturesView);
  const ofPair = new Fold(userItemFeaturesView);
  let next = await events.next();
  for (let from = 0; from < positive.length; from += batchRows) {
    const rows = [];
    for (let at = from; at < Math.min(positive.length, from + batchRows); at++) {
      const row = positive[at] as number;
      const ts = positives.ts[row] as number;
      while (next.done !== true && next.value.ts < ts) {
        for (const fold of [ofItem, ofCategory, ofPair]) fold.add(next.value);
        next = await events.next();
      }
      const user = users[positives.user[row] as number] as string;
      const { item_id, category } = items[item[at] as number] as Drawn['items'][number];
      const value = {
        positive: row,
        place: place[at] as number,
        item: ofItem.rowAt(item_id, ts),
        category: category === null ? null : ofCategory.rowAt(crossKey(user, category), ts),
        pair: ofPair.rowAt(crossKey(user, item_id), ts),
      };
      rows.push({ partition: 0, offset: at, key: '', value });
    }
    await loading.add(rows);
  }
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

  rowAt(key: string, ts: number): unknown {
    return this.#view.finish(this.#states.get(key) ?? this.#view.empty(), ts);
  }
}
