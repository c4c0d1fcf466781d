import type { FlowRecord } from '../../operators/record.ts';
import { textOf, undefinedOf } from '../../operators/record-checks.ts';
import type { Topic } from '../../serde.ts';
import type { GlobalJoinNode, Outlet } from '../node.ts';

/**
 * A table that every process holds whole (Kafka Streams' GlobalKTable): a stream joins it by any key, however either is
 * partitioned. Its rows are those of the topic as the process has read it when the stream's record is processed: at least
 * all that was readable before that record, and of no certain time.
 */
export class GlobalTable<K, V> {
  readonly topic: Topic<K, V>;

  constructor(topic: Topic<K, V>) {
    this.topic = topic;
  }
}

/** The key of the row that a record is joined with; null where it names none. */
export type GlobalKeyOf<K, V, K2> = (record: FlowRecord<K, V>) => K2 | null;

export function globalJoinNode<K, V, K2, T, R>(
  name: string,
  input: Outlet,
  table: GlobalTable<K2, T>,
  type: GlobalJoinNode['type'],
  keyOf: GlobalKeyOf<K, V, K2>,
  join: (value: V, row: T | null) => R,
): GlobalJoinNode {
  const { topic } = table;
  return {
    kind: 'global-join',
    name,
    input,
    table: topic,
    type,
    keyOf: (record) => {
      const key = keyOf(record as FlowRecord<K, V>);
      if (key === undefined) throw undefinedOf(name, record.key);
      return key === null ? null : textOf(topic.key, key, name);
    },
    join: (value, row) => join(value as V, row as T | null),
  };
}
