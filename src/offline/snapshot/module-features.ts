/** Views of modules in a snapshot: columns beside those that examples have from the log. */
import { type AnyView, featureViews, rowRecordName, rowSchema } from '#features';
import { ConfigurationError } from '#platform';
import type { ViewVersion } from '#schemas';
import { type AnalyticDatabase, collectColumns } from '../duckdb.ts';
import { type Field, partialTable, type SnapshotTable, snapshotTable } from './columns.ts';
import {
  type AcceptedEvents,
  type Candidate,
  type FieldView,
  type FoldSource,
  foldTable,
  type WantedRow,
} from './folded-rows.ts';

/** The total order of examples in a snapshot. */
export const EXAMPLE_ORDER = 'ORDER BY ts, user_id, item_id, event_id';

/** What numbers the rows of examples and of negatives. */
const ownFields = ['example', 'positive', 'place'] as const;
/** What examples have beside the fields of their record while they are written. */
const ownColumns = ['split', 'is_repeat', 'place_in_order'] as const;

/** The views that examples have a field for. */
export function fieldViews(views: readonly AnyView[]): readonly FieldView[] {
  return views.flatMap((view) =>
    view.exampleField === undefined ? [] : [{ field: view.exampleField, view }],
  );
}

/**
 * The views of modules whose rows are in snapshots: those with a field that is not a view's of the product, each in its
 * highest version. Errors: ConfigurationError MR_FEATURES_MODULE where their columns would have a name that is taken.
 */
export function exampleModules(views: readonly AnyView[]): readonly AnyView[] {
  const ofProduct = new Set(featureViews.map(({ exampleField }) => exampleField));
  const newest = new Map<string, AnyView>();
  for (const view of views) {
    if (view.version > (newest.get(view.name)?.version ?? 0)) newest.set(view.name, view);
  }
  const modules = [...newest.values()].filter(({ exampleField }) => {
    return exampleField !== undefined && !ofProduct.has(exampleField);
  });
  // DuckDB knows names in any case.
  const fields = new Set([...ownFields, ...[...ofProduct].map((field) => field?.toLowerCase())]);
  const columns = new Set([...snapshotTable('Example').columns.map(({ name }) => name), ...ownColumns]);
  for (const { field, view } of fieldViews(modules)) {
    take(view, field, fields);
    for (const { name } of moduleLayout([view]).columns.slice(1)) take(view, name, columns);
  }
  return modules;
}

/** Errors: as exampleModules. */
function take(view: AnyView, name: string, taken: Set<string | undefined>): void {
  if (taken.has(name.toLowerCase())) throw takenColumn(view, name);
  taken.add(name.toLowerCase());
}

/** Fields of a record that holds rows of the views. */
export function rowFields(views: readonly FieldView[]): readonly Field[] {
  return views.map(({ field, view: { name, version, columns, description } }) => {
    const row = rowSchema(columns, `${rowRecordName(name)}${version}`, description);
    return { name: field, type: ['null', row], default: null };
  });
}

/** The rows of an example's place in the order. */
export function moduleLayout(modules: readonly AnyView[]): SnapshotTable {
  return partialTable(['example'], 'Example', [], rowFields(fieldViews(modules)));
}

/** Columns that are not what they were in a snapshot with `before`: a view of another version means something else by them. */
export function changedColumns(
  modules: readonly AnyView[],
  before: readonly ViewVersion[],
): ReadonlySet<string> {
  const changed = modules.filter(({ name, version, declaration }) => {
    const last = before.find((each) => each.name === name && each.version === version);
    return last?.declaration !== declaration;
  });
  return new Set(
    moduleLayout(changed)
      .columns.slice(1)
      .map(({ name }) => name),
  );
}

/** Makes view `module_features` for view `corrected_examples`: the rows as of each example's time. */
export async function moduleFeatures(
  database: AnalyticDatabase,
  { featureTtlMs }: Pick<FoldSource, 'featureTtlMs'>,
  modules: readonly AnyView[],
  events: AcceptedEvents,
): Promise<void> {
  const into = { table: 'module_features', layout: moduleLayout(modules), views: fieldViews(modules) };
  await foldTable(database, into, await wantedRows(database), events.inOrder(), featureTtlMs);
}

async function wantedRows(database: AnalyticDatabase): Promise<Iterable<WantedRow>> {
  const [user, candidate, ts] = await collectColumns(
    database,
    `SELECT (dense_rank() OVER (ORDER BY user_id) - 1)::INTEGER,
       (dense_rank() OVER (ORDER BY item_id, facts_category) - 1)::INTEGER, ts::DOUBLE
     FROM corrected_examples ${EXAMPLE_ORDER}`,
    [Int32Array, Int32Array, Float64Array],
  );
  const users = await database.rows<{ user_id: string }>(
    'SELECT DISTINCT user_id FROM corrected_examples ORDER BY user_id',
  );
  const candidates = await database.rows<Candidate>(
    `SELECT DISTINCT item_id, facts_category AS category FROM corrected_examples
     ORDER BY item_id, facts_category`,
  );
  return (function* () {
    for (let example = 0; example < ts.length; example++) {
      yield {
        own: { example },
        user: users[user[example] as number]?.user_id as string,
        candidate: candidates[candidate[example] as number] as Candidate,
        ts: ts[example] as number,
      };
    }
  })();
}

function takenColumn({ name }: AnyView, column: string): ConfigurationError {
  return new ConfigurationError(
    'MR_FEATURES_MODULE',
    `View ${name} would have column ${column} in snapshots, which is there already.`,
    { hint: 'Give the view another exampleField: its columns are that name, an underscore and the feature.' },
  );
}
