import type { KeySerde } from '../serde.ts';
import { defineProcessor, port, type StoreSpec } from './processor.ts';
import type { Table } from './table.ts';

/** Makes the joined value; `right` is undefined where the table has no row. Undefined drops the record (inner join). */
export type Joiner<V, T, R> = (left: V, right: T | undefined) => R | undefined;

/** A store for an operator's own copy of a table's rows. */
export function copyOf<K, V>({ value, topic }: Table<K, V>): StoreSpec<V> {
  return { value, ...(topic !== undefined && { copyOf: topic }) };
}

/** The processor that a stream-table join is. */
export function joinSpec<K, V, T, R>(table: Table<K, T>, key: KeySerde<K>, join: Joiner<V, T, R>) {
  return defineProcessor({
    inputs: { table: port<K, T | null>(), stream: port<K, V>() },
    outputs: { joined: port<K, R>() },
    stores: { table: copyOf(table) },
    reads: {
      table: (record) => ({ table: [key.toText(record.key)] }),
      stream: (record) => ({ table: [key.toText(record.key)] }),
    },
    process: {
      table: ({ key: k, value, timestamp }, { stores }) => {
        if (value === null) stores.table.delete(key.toText(k), timestamp);
        else stores.table.put(key.toText(k), value, timestamp);
      },
      stream: (record, { stores, emit }) => {
        const joined = join(record.value, stores.table.get(key.toText(record.key)));
        if (joined !== undefined) emit('joined', record.key, joined, record.timestamp);
      },
    },
  });
}
