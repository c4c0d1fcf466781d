import { type AnyView, featureViews } from '#features';
import { type AnalyticDatabase, collectColumns } from '../duckdb.ts';
import { partialTable, type SnapshotTable } from './columns.ts';
import {
  type AcceptedEvents,
  type Candidate,
  type FieldView,
  type FoldSource,
  foldTable,
  type WantedRow,
} from './folded-rows.ts';
import { fieldViews, rowFields } from './module-features.ts';

/** The views whose rows differ with the item. Rows of the user alone are the positive's own: a negative does not repeat them. */
const isItemSide = ({ view }: FieldView) => view.entity !== 'user';
const ownViews = fieldViews(featureViews).filter(isItemSide);

/** The table of negatives: those views, and after them the ones of modules. */
export function negativeLayout(modules: readonly AnyView[]): SnapshotTable {
  const fields = rowFields(fieldViews(modules).filter(isItemSide));
  return partialTable(
    ['positive', 'place'],
    'Example',
    ownViews.map(({ field }) => field),
    fields,
  );
}

/**
 * Makes table `negative_features` for table `drawn`: the features of each negative as of the positive's time, under the
 * names that they have in an example.
 */
export async function negativeFeatures(
  database: AnalyticDatabase,
  {
    featureTtlMs,
    modules = [],
  }: Pick<FoldSource, 'featureTtlMs'> & { readonly modules?: readonly AnyView[] },
  events: AcceptedEvents,
): Promise<void> {
  const views = [...ownViews, ...fieldViews(modules).filter(isItemSide)];
  const into = { table: 'negative_features', layout: negativeLayout(modules), views };
  await foldTable(database, into, wantedOf(await readDrawn(database)), events.inOrder(), featureTtlMs);
}

function* wantedOf({ positive, place, item, positives, users, items }: Drawn): Generator<WantedRow> {
  for (let at = 0; at < positive.length; at++) {
    const row = positive[at] as number;
    yield {
      own: { positive: row, place: place[at] as number },
      user: users[positives.user[row] as number] as string,
      candidate: items[item[at] as number] as Candidate,
      ts: positives.ts[row] as number,
    };
  }
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
