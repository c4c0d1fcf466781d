import type { KeySerde } from '../../serde.ts';
import { dueSerde } from '../../store/timer-queue.ts';
import { defineProcessor, port } from '../processor.ts';
import { settledAt } from '../windows/windowed-key.ts';

/**
 * Lets a versioned table's changes pass in the order of their timestamps: one that is older than what has passed of
 * its key is a correction of the past, and dropped. A removed row is remembered for `historyMs`, one of a window until that
 * has closed.
 */
export function inOrderSpec<K, V>(key: KeySerde<K>, historyMs: number) {
  const settled = settledAt(key);
  return defineProcessor({
    inputs: { changes: port<K, V | null>() },
    outputs: { changes: port<K, V | null>() },
    stores: { newest: { value: dueSerde } },
    reads: {
      changes: ({ key: k }) => (k === null ? {} : { newest: [key.toText(k)], timers: [key.toText(k)] }),
    },
    process: {
      changes: ({ key: k, value, timestamp }, { stores, emit, setTimer, clearTimer, drop }) => {
        if (k === null) return drop('null-key');
        const text = key.toText(k);
        const newest = stores.newest.get(text);
        if (newest !== undefined && timestamp < newest) return drop('out-of-order');
        stores.newest.put(text, timestamp, timestamp);
        if (value === null) setTimer(text, timestamp + historyMs);
        else if (settled !== undefined) setTimer(text, settled(k));
        else clearTimer(text);
        emit('changes', k, value, timestamp);
      },
    },
    onTimer: (text, dueMs, { stores }) => stores.newest.delete(text, dueMs),
  });
}
