import { columnReader, schemaFingerprint } from '#avro';
import type { Serde, Topic, TopicRecord } from '#engine';
import { errorCode } from '#platform';
import {
  type AnalyticDatabase,
  type Column,
  columnByColumn,
  type Filling,
  type TableAppender,
} from '../duckdb.ts';
import { duckDbApi } from '../duckdb-package.ts';
import { positionColumns, type RecordColumns } from '../record-columns.ts';

export type StagedRecord<V> = Omit<TopicRecord<string, V>, 'topic'>;

/** A topic whose values are left as they lie on the log where they are of the columns' schema. */
export function encodedTopic<V>(
  topic: Topic<string, V>,
  { schema }: RecordColumns<V>,
): Topic<string, V | Buffer> {
  const { value } = topic;
  const isOfColumns = value.fingerprint.equals(schemaFingerprint(schema));
  const decode = (bytes: Buffer) =>
    isOfColumns && value.isOwnAt?.(bytes, 0, bytes.length) === true ? bytes : value.decode(bytes);
  return { ...topic, value: { ...value, decode } as Serde<V | Buffer> };
}

/**
 * What adds records of an encoded topic to a new table: as bytes they go into the columns without an object in between.
 * `onUndecodable` is told of those that are no such value; they are left out.
 */
export async function createEncodedTable<V>(
  database: AnalyticDatabase,
  table: string,
  columns: RecordColumns<V>,
  value: Serde<V>,
  onUndecodable: (record: StagedRecord<V | Buffer>, error: unknown) => void,
): Promise<TableAppender<StagedRecord<V | Buffer>>> {
  const all = stagedColumns(columns);
  const { types, into } = columnByColumn(all);
  const fields = columns.names.length - positionColumns.length;
  const filling: Filling<StagedRecord<V | Buffer>> = {
    types,
    into: (writers) => {
      const decoded = into(writers);
      const read = columnReader(
        columns.schema,
        new Map(writers.slice(0, fields).map((writer, i) => [columns.names[i] as string, writer])),
      );
      const others = columnByColumn(all.slice(fields)).into(writers.slice(fields));
      return (row, at) => {
        const bytes = row.value;
        if (!(bytes instanceof Uint8Array)) return decoded(row as StagedRecord<V>, at);
        read(bytes, value.framing, bytes.length, at);
        others(row as StagedRecord<V>, at);
      };
    },
    instead: (row, error) => {
      if (!(row.value instanceof Uint8Array)) throw error;
      try {
        return { ...row, value: value.decode(row.value) };
      } catch (decodeError) {
        if (errorCode(decodeError) !== 'MR_AVRO_DECODE') throw decodeError;
        onUndecodable(row, decodeError);
        return undefined;
      }
    },
  };
  return createTable(database, table, columns, filling);
}

/** What adds decoded records to a new table: their columns, their keys, and whether they are tombstones. */
export async function createRecordTable<V>(
  database: AnalyticDatabase,
  table: string,
  columns: RecordColumns<V>,
): Promise<TableAppender<StagedRecord<V>>> {
  return createTable(database, table, columns, columnByColumn(stagedColumns(columns)));
}

async function createTable<Row>(
  database: AnalyticDatabase,
  table: string,
  { declaration }: { readonly declaration: string },
  filling: Filling<Row>,
): Promise<TableAppender<Row>> {
  await database.run(`CREATE TEMP TABLE ${table} (${declaration}, log_key VARCHAR, is_tombstone BOOLEAN)`);
  return database.appender(table, filling);
}

function stagedColumns<V>({ columns }: RecordColumns<V>): readonly Column<StagedRecord<V>>[] {
  const { BOOLEAN, VARCHAR } = duckDbApi();
  return [
    ...columns,
    { type: VARCHAR, of: ({ key }) => key },
    { type: BOOLEAN, of: ({ value }) => value === null },
  ];
}
