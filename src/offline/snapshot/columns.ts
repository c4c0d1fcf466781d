/**
 * The columns of a snapshot's tables. They follow from the Avro schema of the record that a row holds, and the schemas of
 * feature rows follow from the declarations of the views: a feature that is added there is a column here.
 */
import { invariant } from '#platform';
import { avroSchema, type SchemaName } from '#schemas';
import { literal } from '../duckdb.ts';
import { duckDbApi } from '../duckdb-package.ts';
import { RecordColumns, type RecordField } from '../record-columns.ts';

/** What can be said of a column's values: numbers have a distribution, categories have shares, ids only differ. */
export type ColumnKind = 'number' | 'category' | 'list' | 'id';

export type SnapshotColumn = {
  /** Fields of nested records have the name of the field that holds the record before their own: `user_views`. */
  readonly name: string;
  readonly kind: ColumnKind;
  /** Where a staged row has it, as SQL. */
  readonly source: string;
};

export type SnapshotTable = {
  readonly columns: readonly SnapshotColumn[];
  /** The columns of the record as it is staged. */
  readonly record: RecordColumns<object>;
};

/** As a record's schema declares it. */
export type Field = { readonly name: string; readonly type: unknown; readonly default?: unknown };

/** The table of a record of `#schemas`. */
export function snapshotTable(name: SchemaName): SnapshotTable {
  return tableOf(avroSchema(name));
}

/** The table of records that have some fields of another and `more`, after fields of their own that are numbers. */
export function partialTable(
  own: readonly string[],
  name: SchemaName,
  fields: readonly string[],
  more: readonly Field[] = [],
): SnapshotTable {
  const whole = avroSchema(name) as { readonly fields: readonly { readonly name: string }[] };
  const missing = fields.find((field) => !whole.fields.some((each) => each.name === field));
  invariant(missing === undefined, 'a table is declared with a field that its record does not have');
  const numbers = own.map((field) => ({ name: field, type: 'int' }));
  const taken = whole.fields.filter((field) => fields.includes(field.name));
  return tableOf({ ...whole, fields: [...numbers, ...taken, ...more] });
}

/** Made when a snapshot is: it loads DuckDB. */
function tableOf(schema: object): SnapshotTable {
  let made: SnapshotTable | undefined;
  const table = () => {
    if (made !== undefined) return made;
    const record = new RecordColumns<object>(schema);
    made = { columns: flattened(record.fields, { at: '', prefix: '' }), record };
    return made;
  };
  return {
    get columns() {
      return table().columns;
    },
    get record() {
      return table().record;
    },
  };
}

/** Where the fields of a record are, and under which condition it is there at all. */
type Place = { readonly at: string; readonly prefix: string; readonly isThere?: string };

function flattened(fields: readonly RecordField[], place: Place): readonly SnapshotColumn[] {
  return fields.flatMap((field) => {
    const at = `${place.at}"${field.name}"`;
    const name = `${place.prefix}${field.name}`;
    if (field.fields !== undefined) {
      const isThere = field.isNullable ? `${at} IS NOT NULL` : place.isThere;
      const inside = { at: `${at}.`, prefix: `${name}_`, ...(isThere !== undefined && { isThere }) };
      return flattened(field.fields, inside);
    }
    return [{ name, kind: kindOf(field), source: sourceOf(field, at, place) }];
  });
}

/** Archived files that are older than a field have null for it: what a reader of the log takes is its default. */
function sourceOf({ fallback, type }: RecordField, at: string, { isThere }: Place): string {
  if (fallback === null) return at;
  const text = Array.isArray(fallback) ? '[]' : literal(String(fallback));
  const value = `coalesce(${at}, ${text}::${String(type)})`;
  return isThere === undefined ? value : `CASE WHEN ${isThere} THEN ${value} END`;
}

function kindOf({ name, type }: RecordField): ColumnKind {
  if (name.endsWith('_id')) return 'id';
  const { DuckDBTypeId } = duckDbApi();
  if (type.typeId === DuckDBTypeId.LIST) return 'list';
  const isText = type.typeId === DuckDBTypeId.VARCHAR || type.typeId === DuckDBTypeId.BOOLEAN;
  return isText ? 'category' : 'number';
}
