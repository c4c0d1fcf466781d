import type { FlowRecord } from '../operators/record.ts';
import { checkedKey } from '../operators/record-checks.ts';
import { type KeySerde, type Serde, textKey } from '../serde.ts';
import { stampedSerde } from '../store/stamped-serde.ts';
import { dueSerde } from '../store/timer-queue.ts';
import { defineProcessor, type Port, port, type StoreSpec } from './processor.ts';

export type AggregateOptions<K, V, S> = {
  readonly initial: () => S;
  /**
   * Returns a new state: the one passed in has been emitted, and others may still hold it. Null removes the row;
   * the next record begins with `initial` again.
   */
  readonly add: (state: S, record: FlowRecord<K, NonNullable<V>>) => S | null;
  readonly value: Serde<S>;
  /** A compacted topic that carries the state anyway, and restores it: see StoreSpec. */
  readonly changelog?: { readonly name: string };
};

/** `times` where the state's own bytes are the changelog topic's, which have no room for its time. */
type Stores<S> = { readonly state: StoreSpec<S>; readonly times: StoreSpec<number> };

/** The processor that an aggregate is. A state's timestamp is the newest of the records in it. */
export function aggregateSpec<K, V, S>(
  name: string,
  keySerde: KeySerde<K>,
  options: AggregateOptions<K, V, S>,
) {
  const key = checkedKey(keySerde, name);
  const { initial, add, value, changelog } = options;
  const stores =
    changelog === undefined
      ? { state: { value: stampedSerde(value) } }
      : { state: { value, changelog }, times: { value: dueSerde } };
  const timed = changelog === undefined ? ('state' as const) : ('times' as const);
  return defineProcessor<{ records: Port<K, V> }, { records: Port<K, S | null> }, Stores<S>>({
    inputs: { records: port() },
    outputs: { records: port() },
    stores: stores as Stores<S>,
    foldsStates: true,
    // A text key is its own text, which is what is read by default.
    ...((keySerde as unknown) !== textKey && {
      reads: {
        records: ({ key: k }: FlowRecord<K, V>) => {
          const own = k === null ? [] : [key.toText(k)];
          return timed === 'state' ? { state: own } : { state: own, times: own };
        },
      },
    }),
    process: {
      records: (record, { stores, emit, drop }) => {
        if (record.key === null) return drop('null-key');
        if (record.value === null) return drop('null-value');
        const text = key.toText(record.key);
        const before = stores.state.get(text);
        const after = add(before ?? initial(), record as FlowRecord<K, NonNullable<V>>);
        if (after === null && before === undefined) return;
        const last = timed === 'state' ? stores.state.timestamp(text) : stores.times.get(text);
        const timestamp = last !== undefined && last > record.timestamp ? last : record.timestamp;
        if (after === null) stores.state.delete(text, timestamp);
        else stores.state.put(text, after, timestamp);
        if (timed === 'times' && after === null) stores.times.delete(text, timestamp);
        else if (timed === 'times') stores.times.put(text, timestamp, timestamp);
        emit('records', record.key, after, timestamp);
      },
    },
  });
}
