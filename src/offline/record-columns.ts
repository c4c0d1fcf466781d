/**
 * The columns of an archived topic, from the Avro schema of its values: one a field, nested records as STRUCT, and three
 * that say where the record stood on the log. Values keep every bit on the way there and back.
 */
import type {
  DuckDBBlobValue,
  DuckDBListValue,
  DuckDBStructValue,
  DuckDBType,
  DuckDBValue,
} from '@duckdb/node-api';
import { FatalError } from '#platform';
import type { Column } from './duckdb.ts';
import { duckDbApi } from './duckdb-package.ts';

/** A value's type in DuckDB, and what Avro decodes of a value that is not null. */
type ColumnType = {
  readonly type: DuckDBType;
  /** Those of a record. */
  readonly fields?: readonly RecordField[];
  read(value: DuckDBValue): unknown;
};

export type RecordField = ColumnType & {
  readonly name: string;
  readonly isNullable: boolean;
  /** What a reader of the log takes where a value was written without the field. */
  readonly fallback: unknown;
  /** For rows of files that were written before the field was there. */
  absent(): unknown;
};

/** Where a record stood on the log: the last columns of every archived table. */
export const positionColumns = ['log_partition', 'log_offset', 'log_timestamp'] as const;

type Positioned = { readonly partition: number; readonly offset: number; readonly timestamp: number };

export class RecordColumns<V> {
  readonly schema: object;
  readonly names: readonly string[];
  readonly types: readonly DuckDBType[];
  /** All fields of a tombstone are null. */
  readonly columns: readonly Column<Positioned & { readonly value: V | null }>[];
  readonly fields: readonly RecordField[];

  /** FatalError MR_OFFLINE_TYPE where a field is of a type that has no column. */
  constructor(schema: object) {
    const { BIGINT, INTEGER } = duckDbApi();
    this.schema = schema;
    this.fields = fieldsOf(schema, new Map());
    this.names = [...this.fields.map(({ name }) => name), ...positionColumns];
    this.columns = [
      ...this.fields.map(({ name, type }) => {
        return { type, of: ({ value }: { readonly value: V | null }) => value?.[name as keyof V] };
      }),
      { type: INTEGER, of: ({ partition }) => partition },
      { type: BIGINT, of: ({ offset }) => offset },
      { type: BIGINT, of: ({ timestamp }) => timestamp },
    ];
    this.types = this.columns.map(({ type }) => type);
  }

  /** The record of a row that has the columns in their order. */
  record(row: readonly DuckDBValue[]): Positioned & { readonly value: V } {
    const at = this.fields.length;
    return {
      value: recordOf(this.fields, row) as V,
      partition: row[at] as number,
      offset: Number(row[at + 1]),
      timestamp: Number(row[at + 2]),
    };
  }

  /** The columns as the list of a SELECT. */
  get selection(): string {
    return this.names.map((name) => `"${name}"`).join(', ');
  }

  /** A SELECT of no rows with these columns and types. */
  get emptySelect(): string {
    const columns = this.names.map((name, i) => `NULL::${String(this.types[i])} AS "${name}"`);
    return `SELECT ${columns.join(', ')} WHERE false`;
  }

  /** As the columns of a CREATE TABLE. */
  get declaration(): string {
    return this.names.map((name, i) => `"${name}" ${String(this.types[i])}`).join(', ');
  }
}

/** The STRUCT of an Avro record. FatalError MR_OFFLINE_TYPE as for RecordColumns. */
export function recordType(schema: object): DuckDBType {
  return structType(fieldsOf(schema, new Map())).type;
}

type Named = Map<string, unknown>;

function fieldsOf(schema: object, named: Named): RecordField[] {
  const { fields } = schema as { fields: readonly { name: string; type: unknown; default?: unknown }[] };
  return fields.map((field) => {
    const { type, isNullable } = withoutNull(field.type);
    const fallback = isNullable ? null : (field.default ?? null);
    const absent =
      typeof fallback === 'object' && fallback !== null ? () => structuredClone(fallback) : () => fallback;
    return { name: field.name, ...columnType(type, named), isNullable, fallback, absent };
  });
}

function recordOf(fields: readonly RecordField[], values: readonly (DuckDBValue | undefined)[]): object {
  const record: Record<string, unknown> = {};
  for (let i = 0; i < fields.length; i++) {
    const { name, read, absent } = fields[i] as RecordField;
    const value = values[i] ?? null;
    record[name] = value === null ? absent() : read(value);
  }
  return record;
}

function withoutNull(type: unknown): { type: unknown; isNullable: boolean } {
  if (!Array.isArray(type)) return { type, isNullable: false };
  const rest = type.filter((each) => each !== 'null');
  if (rest.length !== 1) throw noColumn(type);
  return { type: rest[0], isNullable: rest.length < type.length };
}

const same = { read: (value: DuckDBValue) => value };

function primitives(): Readonly<Record<string, ColumnType>> {
  const { BIGINT, BLOB, BOOLEAN, DOUBLE, INTEGER, VARCHAR } = duckDbApi();
  return {
    string: { type: VARCHAR, ...same },
    boolean: { type: BOOLEAN, ...same },
    int: { type: INTEGER, ...same },
    double: { type: DOUBLE, ...same },
    long: { type: BIGINT, read: Number },
    bytes: { type: BLOB, read: (value) => Buffer.from((value as DuckDBBlobValue).bytes) },
  };
}

function columnType(type: unknown, named: Named): ColumnType {
  if (typeof type === 'string') {
    const primitive = primitives()[type];
    if (primitive !== undefined) return primitive;
    const known = named.get(type);
    if (known === undefined) throw noColumn(type);
    return columnType(known, named);
  }
  const node = type as { type?: unknown; name?: string; namespace?: string; items?: unknown };
  if (node.name !== undefined) {
    named.set(node.name, node);
    named.set(`${node.namespace ?? 'millrace'}.${node.name}`, node);
  }
  if (node.type === 'enum') return { type: duckDbApi().VARCHAR, ...same };
  if (node.type === 'record') return structType(fieldsOf(node, named));
  if (node.type === 'array') return listType(columnType(withoutNull(node.items).type, named));
  if (typeof node.type === 'string') return columnType(node.type, named);
  throw noColumn(type);
}

function structType(fields: readonly RecordField[]): ColumnType {
  const names = fields.map(({ name }) => name);
  const entries = Object.fromEntries(fields.map(({ name, type }) => [name, type]));
  return {
    type: duckDbApi().STRUCT(entries),
    fields,
    read: (value) => {
      const found = (value as DuckDBStructValue).entries;
      return recordOf(
        fields,
        names.map((name) => found[name]),
      );
    },
  };
}

function listType(item: ColumnType): ColumnType {
  return {
    type: duckDbApi().LIST(item.type),
    read: (value) => (value as DuckDBListValue).items.map((each) => (each === null ? null : item.read(each))),
  };
}

function noColumn(type: unknown): FatalError {
  return new FatalError('MR_OFFLINE_TYPE', `Avro type ${JSON.stringify(type)} has no column in Parquet.`, {
    hint: 'Archive the topic under a schema of records, enums, arrays, primitive types and unions of one of them with null.',
  });
}
