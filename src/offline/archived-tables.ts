import { schemaFingerprint } from '#avro';
import { avroSchema, topics } from '#schemas';
import { RecordColumns } from './record-columns.ts';

/** How long rows are kept, in event time. */
export type Retention = { readonly eventsMs: number; readonly featuresMs: number };

const definitions = [
  { table: 'events', topic: 'interactions-accepted', retention: 'eventsMs' },
  { table: 'examples', topic: 'examples', retention: 'featuresMs' },
  { table: 'example-corrections', topic: 'example-corrections', retention: 'featuresMs' },
] as const satisfies readonly {
  readonly table: string;
  /** Its values have the fields `user_id`, the key, and `ts`, which determines the date. */
  readonly topic: keyof typeof topics;
  readonly retention: keyof Retention;
}[];

export type ArchivedTopic = (typeof definitions)[number]['topic'];
export type ArchivedTableName = (typeof definitions)[number]['table'];

/** What every archived value has. */
export type ArchivedValue = { readonly user_id: string; readonly ts: number };

export type ArchivedTable = {
  readonly table: ArchivedTableName;
  readonly topic: ArchivedTopic;
  readonly retention: keyof Retention;
  readonly columns: RecordColumns<ArchivedValue>;
  /** Fingerprint of the schema, hexadecimal. */
  readonly schema: string;
};

/** The topics that are archived, each with its table. */
export const archivedTables: readonly ArchivedTable[] = definitions.map((definition) => {
  const schema = avroSchema(topics[definition.topic].schema);
  let columns: RecordColumns<ArchivedValue> | undefined;
  return {
    ...definition,
    // Made when somebody reads or writes rows: it loads DuckDB.
    get columns() {
      columns ??= new RecordColumns(schema);
      return columns;
    },
    schema: schemaFingerprint(schema).toString('hex'),
  };
});

export function archivedTable(name: ArchivedTableName): ArchivedTable {
  return archivedTables.find(({ table }) => table === name) as ArchivedTable;
}
