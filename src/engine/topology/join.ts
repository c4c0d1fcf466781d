import type { KeySerde, Topic } from '../serde.ts';
import { defineProcessor, port } from './processor.ts';

/** Makes the joined value; `right` is undefined where the table has no row. Undefined drops the record (inner join). */
export type Joiner<V, T, R> = (left: V, right: T | undefined) => R | undefined;

/** The processor that a stream-table join is: its store is a copy of the table's topic. */
export function joinSpec<K, V, T, R>(table: Topic<K, T>, key: KeySerde<K>, join: Joiner<V, T, R>) {
  return defineProcessor({
    inputs: { table: port<K, T | null>(), stream: port<K, V>() },
    outputs: { joined: port<K, R>() },
    stores: { table: { value: table.value, copyOf: table.name } },
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
