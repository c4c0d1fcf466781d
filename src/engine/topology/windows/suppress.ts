import type { KeySerde, Serde } from '../../serde.ts';
import { defineProcessor, port } from '../processor.ts';
import { invalid } from '../topology.ts';
import { NULL_KEY } from './aggregation.ts';
import { timedSerde } from './state-serde.ts';

export type SuppressOptions =
  /** Each window's last result alone, when the window has closed. */
  | { readonly until: 'window-close' }
  /**
   * The last change of each row, this long (event time) after the first one since the row last went out; 0 lets each out
   * at once.
   */
  | { readonly forMs: number };

/** The processor that holds a table's changes back. Errors: MR_TOPOLOGY_INVALID where the rows have no window. */
export function suppressSpec<K, V>(key: KeySerde<K>, value: Serde<V>, options: SuppressOptions) {
  const dueOf = releaseRule(key, options);
  const isFinal = 'until' in options;
  const isAtOnce = 'forMs' in options && options.forMs === 0;
  return defineProcessor({
    inputs: { changes: port<K, V | null>() },
    outputs: { changes: port<K, V | null>() },
    stores: { held: { value: timedSerde<V | null>(value as Serde<NonNullable<V>>) } },
    reads: {
      changes: (record) => {
        if (record.key === null) return {};
        const row = [key.toText(record.key)];
        return { held: row, timers: row };
      },
    },
    process: {
      changes: (change, { stores, emit, setTimer, clearTimer, drop }) => {
        if (change.key === null) return drop(NULL_KEY);
        const text = key.toText(change.key);
        const held = stores.held.get(text);
        if (isFinal && change.value === null) {
          // A session that went into another: nobody has heard of it.
          if (held === undefined) return;
          stores.held.delete(text, change.timestamp);
          clearTimer(text);
          return;
        }
        if (isAtOnce) {
          // Held since before the time was set to 0.
          if (held !== undefined) stores.held.delete(text, change.timestamp);
          clearTimer(text);
          return emit('changes', change.key, change.value, change.timestamp);
        }
        stores.held.put(text, { value: change.value, timestamp: change.timestamp }, change.timestamp);
        if (held === undefined) setTimer(text, dueOf(change.key, change.timestamp), change.timestamp);
      },
    },
    onTimer: (text, dueMs, { stores, emit }) => {
      const held = stores.held.get(text);
      if (held === undefined) return;
      emit('changes', key.fromText(text), held.value, held.timestamp);
      stores.held.delete(text, dueMs);
    },
  });
}

/** When a row that is first changed at `timestamp` goes out. */
function releaseRule<K>(
  key: KeySerde<K> & { readonly closesAt?: (key: K) => number },
  options: SuppressOptions,
): (key: K, timestamp: number) => number {
  if ('forMs' in options) {
    const { forMs } = options;
    if (!Number.isSafeInteger(forMs) || forMs < 0) throw invalid(`changes are suppressed for ${forMs} ms`);
    return (_, timestamp) => timestamp + forMs;
  }
  if (key.closesAt === undefined)
    throw invalid('only a windowed table is suppressed until its windows close');
  return key.closesAt;
}
