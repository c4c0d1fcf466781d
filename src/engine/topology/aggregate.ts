import type { FlowRecord } from '../operators/record.ts';
import { type KeySerde, type Serde, textKey } from '../serde.ts';
import { defineProcessor, port } from './processor.ts';

export type AggregateOptions<K, V, S> = {
  readonly initial: () => S;
  /** Gives a new state: the one that it is given has been emitted, and others may still hold it. */
  readonly add: (state: S, record: FlowRecord<K, V>) => S;
  readonly value: Serde<S>;
  /** A compacted topic that carries the state anyway, and restores it: see StoreSpec. */
  readonly changelog?: { readonly name: string };
};

/** The processor that an aggregate is. */
export function aggregateSpec<K, V, S>(key: KeySerde<K>, options: AggregateOptions<K, V, S>) {
  const state = { value: options.value, ...(options.changelog && { changelog: options.changelog }) };
  return defineProcessor({
    inputs: { records: port<K, V>() },
    outputs: { records: port<K, S>() },
    stores: { state },
    // A text key is its own text, which is what is read by default.
    ...(key !== textKey && {
      reads: { records: ({ key: k }: FlowRecord<K, V>) => ({ state: k === null ? [] : [key.toText(k)] }) },
    }),
    process: {
      records: (record, { stores, emit, drop }) => {
        if (record.key === null) return drop('null-key');
        const text = key.toText(record.key);
        const updated = options.add(stores.state.get(text) ?? options.initial(), record);
        stores.state.put(text, updated, record.timestamp);
        emit('records', record.key, updated, record.timestamp);
      },
    },
  });
}
