import type { StoreSpec } from '../processor.ts';
import type { Table } from '../table.ts';

/** A store for an operator's own copy of a table's rows. */
export function copyOf<K, V>({ value, topic }: Table<K, V>): StoreSpec<V> {
  return { value, ...(topic !== undefined && { copyOf: topic }) };
}
