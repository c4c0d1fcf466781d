/**
 * The columns of a snapshot's tables. They follow from the Avro schema of the record that a row holds, and the schemas of
 * feature rows follow from the declarations of the views: a feature that is added there is a column here.
 */
import { FatalError } from '#platform';
import { avroSchema, type SchemaName } from '#schemas';

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
  /** DuckDB's type of the whole record. */
  readonly type: string;
  /** Whether a number of the record, however deep, is none that JSON can hold. */
  readonly hasNotFinite: (value: unknown) => boolean;
};

type Field = { readonly name: string; readonly type: unknown };
type Named = Map<string, unknown>;

const primitives: Readonly<Record<string, string>> = {
  string: 'VARCHAR',
  boolean: 'BOOLEAN',
  int: 'INTEGER',
  long: 'BIGINT',
  double: 'DOUBLE',
};

/** The table of a record of `#schemas`; a staged row holds the record in its column `value`. */
export function snapshotTable(name: SchemaName): SnapshotTable {
  const named: Named = new Map();
  return tableOf(fieldsOf(avroSchema(name), named), named);
}

/** The table of records that have some fields of another, after fields of their own that are numbers. */
export function partialTable(
  own: readonly string[],
  name: SchemaName,
  fields: readonly string[],
): SnapshotTable {
  const named: Named = new Map();
  const all = fieldsOf(avroSchema(name), named);
  // Goes over all fields, as a type is told where it is first named.
  tableOf(all, named);
  const numbers = own.map((field) => ({ name: field, type: 'int' }));
  return tableOf([...numbers, ...all.filter((field) => fields.includes(field.name))], named);
}

function tableOf(fields: readonly Field[], named: Named): SnapshotTable {
  return {
    columns: flattened(fields, 'value', '', named),
    type: structOf(fields, named),
    hasNotFinite: notFiniteCheck(fields, named),
  };
}

function flattened(
  fields: readonly Field[],
  source: string,
  prefix: string,
  named: Named,
): readonly SnapshotColumn[] {
  return fields.flatMap((field) => {
    const type = resolved(field.type, named);
    const at = `${source}."${field.name}"`;
    if (isRecord(type)) return flattened(fieldsOf(type, named), at, `${prefix}${field.name}_`, named);
    const column = {
      name: `${prefix}${field.name}`,
      type: sqlType(type, named),
      kind: kindOf(field.name, type),
    };
    return [{ ...column, source: at }];
  });
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

/** Only doubles can be NaN or infinite: the check looks at those alone, as it is made for every record. */
function notFiniteCheck(fields: readonly Field[], named: Named): (value: unknown) => boolean {
  const doubles: string[] = [];
  const nested: (readonly [string, (value: unknown) => boolean])[] = [];
  for (const { name, type } of fields) {
    const found = resolved(type, named);
    if (found === 'double') doubles.push(name);
    else if (isRecord(found)) nested.push([name, notFiniteCheck(fieldsOf(found, named), named)]);
  }
  return (value) => {
    if (value === null || value === undefined) return false;
    const record = value as Readonly<Record<string, unknown>>;
    for (const name of doubles) {
      const number = record[name];
      if (typeof number === 'number' && !Number.isFinite(number)) return true;
    }
    return nested.some(([name, check]) => check(record[name]));
  };
}
