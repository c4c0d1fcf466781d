/**
 * The columns of a snapshot's tables. They follow from the Avro schema of the record that a row holds, and the schemas of
 * feature rows follow from the declarations of the views: a feature that is added there is a column here.
 */
import { FatalError, invariant } from '#platform';
import { avroSchema, type SchemaName } from '#schemas';
import { literal } from '../duckdb.ts';
import { RecordColumns } from '../record-columns.ts';

/** What can be said of a column's values: numbers have a distribution, categories have shares, ids only differ. */
export type ColumnKind = 'number' | 'category' | 'list' | 'id';

export type SnapshotColumn = {
  /** Fields of nested records have the name of the field that holds the record before their own: `user_views`. */
  readonly name: string;
  /** DuckDB's. */
  readonly type: string;
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
type Named = Map<string, unknown>;

const primitives: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  double: 'DOUBLE',
};

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
  const whole = avroSchema(name) as { readonly fields: readonly Field[] };
  const missing = fields.find((field) => !whole.fields.some((each) => each.name === field));
  invariant(missing === undefined, 'a table is declared with a field that its record does not have');
  const numbers = own.map((field) => ({ name: field, type: 'int' }));
  const taken = whole.fields.filter((field) => fields.includes(field.name));
  return tableOf({ ...whole, fields: [...numbers, ...taken, ...more] });
}

function tableOf(schema: object): SnapshotTable {
  const named: Named = new Map();
  return {
    columns: flattened(fieldsOf(schema, named), { at: '', prefix: '' }, named),
    record: new RecordColumns(schema),
  };
}

/** Where the fields of a record are, and under which condition it is there at all. */
type Place = { readonly at: string; readonly prefix: string; readonly isThere?: string };

function flattened(fields: readonly Field[], place: Place, named: Named): readonly SnapshotColumn[] {
  return fields.flatMap((field) => {
    const type = resolved(field.type, named);
    const at = `${place.at}"${field.name}"`;
    const prefix = `${place.prefix}${field.name}_`;
    if (isRecord(type)) {
      const isThere = isNullable(field) ? `${at} IS NOT NULL` : place.isThere;
      const inside = { at: `${at}.`, prefix, ...(isThere !== undefined && { isThere }) };
      return flattened(fieldsOf(type, named), inside, named);
    }
    const column = {
      name: `${place.prefix}${field.name}`,
      type: sqlType(type, named),
      kind: kindOf(field.name, type),
    };
    return [{ ...column, source: sourceOf(field, at, column.type, place) }];
  });
}

/** Archived files that are older than a field have null for it: what a reader of the log takes is its default. */
function sourceOf(field: Field, at: string, type: string, { isThere }: Place): string {
  const fallback = isNullable(field) ? null : (field.default ?? null);
  if (fallback === null) return at;
  const text = Array.isArray(fallback) ? '[]' : literal(String(fallback));
  const value = `coalesce(${at}, ${text}::${type})`;
  return isThere === undefined ? value : `CASE WHEN ${isThere} THEN ${value} END`;
}

function isNullable({ type }: Field): boolean {
  return Array.isArray(type) && type.includes('null');
}

function kindOf(name: string, type: unknown): ColumnKind {
  if (name.endsWith('_id')) return 'id';
  if (typeof type === 'object') return (type as { type: unknown }).type === 'enum' ? 'category' : 'list';
  return type === 'string' || type === 'boolean' ? 'category' : 'number';
}

function structOf(fields: readonly Field[], named: Named): string {
  const entries = fields.map(({ name, type }) => `"${name}" ${sqlType(resolved(type, named), named)}`);
  return `STRUCT(${entries.join(', ')})`;
}

function sqlType(type: unknown, named: Named): string {
  if (typeof type === 'string' && primitives[type] !== undefined) return primitives[type];
  const node = type as { readonly type: unknown; readonly items?: unknown };
  if (node.type === 'enum') return 'VARCHAR';
  if (node.type === 'array') return `${sqlType(resolved(node.items, named), named)}[]`;
  if (isRecord(type)) return structOf(fieldsOf(type, named), named);
  throw new FatalError('MR_OFFLINE_TYPE', `Avro type ${JSON.stringify(type)} has no column in a snapshot.`, {
    hint: 'Use records, enums, arrays, primitive types, and unions of one of them with null.',
  });
}

/** The type without the null of a union, and a name's type. */
function resolved(type: unknown, named: Named): unknown {
  if (Array.isArray(type)) {
    const rest = type.filter((each) => each !== 'null');
    return rest.length === 1 ? resolved(rest[0], named) : type;
  }
  if (typeof type === 'string') return named.get(type) ?? type;
  const node = type as { readonly name?: string; readonly type?: unknown };
  if (node.name !== undefined) named.set(`millrace.${node.name}`, node);
  return node;
}

function isRecord(type: unknown): type is object {
  return typeof type === 'object' && type !== null && 'type' in type && type.type === 'record';
}

function fieldsOf(schema: object, named: Named): readonly Field[] {
  if ('name' in schema) named.set(`millrace.${String(schema.name)}`, schema);
  return (schema as { readonly fields: readonly Field[] }).fields;
}
