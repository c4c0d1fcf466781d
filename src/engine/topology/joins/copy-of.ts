import type { StoreSpec } from '../processor.ts';
import type { Table } from '../table.ts';

/** A store for an operator's own copy of a table's rows. */
export function copyOf<K, V>({ key, value, topic }: Table<K, V>): StoreSpec<V> {
  if (topic === undefined) return { value };
  return { value, copyOf: topic, keyText: (text) => key.toText(key.fromText(text)) };
}
