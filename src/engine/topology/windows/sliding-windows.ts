import type { FlowRecord } from '../../operators/record.ts';
import type { KeySerde } from '../../serde.ts';
import { defineProcessor } from '../processor.ts';
import {
  LATE,
  LATE_IN_PART,
  NULL_KEY,
  NULL_VALUE,
  type WindowAggregation,
  windowPorts,
} from './aggregation.ts';
import { SlidingUpdate } from './sliding-update.ts';
import { windowListSerde } from './state-serde.ts';
import { assertTimestamp, closesAt, type SlidingWindow } from './window.ts';
import { expireWindows, keepWindows, type WindowLife } from './window-list.ts';
import { windowListRows } from './window-rows.ts';

/**
 * Sliding windows: a row for each key holds its windows. One that has closed stays for as long as a record that is not
 * late may begin a window with records of its own in it: as long again as it is wide.
 */
export function slidingWindowSpec<K, V, S>(
  key: KeySerde<K>,
  window: SlidingWindow,
  options: WindowAggregation<K, V, S>,
  routesLate: boolean,
) {
  const { timeDifferenceMs, graceMs } = window;
  const { initial, add, retentionMs = 0 } = options;
  const life: WindowLife = {
    emitsOnClose: options.emit === 'on-close',
    closesAt: (endMs) => closesAt(window, endMs),
    removedAt: (endMs) => closesAt(window, endMs) + Math.max(timeDifferenceMs + 1, retentionMs),
  };
  return defineProcessor({
    ...windowPorts<K, V, S>(),
    stores: {
      windows: {
        value: windowListSerde(options.value, `sliding-windows-of-${timeDifferenceMs}-ms-1`),
        kind: 'window',
        rows: windowListRows,
      },
    },
    reads: {
      records: (record) => {
        if (record.key === null) return {};
        const row = [key.toText(record.key)];
        return { windows: row, timers: row };
      },
    },
    process: {
      records: (record, { stores, emit, setTimer, clearTimer, watermark, drop }) => {
        const { timestamp } = record;
        if (record.key === null) return drop(NULL_KEY);
        if (record.value === null) return drop(NULL_VALUE);
        assertTimestamp(timestamp);
        const text = key.toText(record.key);
        const windows = stores.windows.get(text) ?? [];
        const update = new SlidingUpdate<S>(
          windows,
          timestamp,
          timeDifferenceMs,
          watermark - graceMs,
          (state) => add(state?.value ?? initial(), record as FlowRecord<K, NonNullable<V>>),
        );
        update.run();
        if (update.taken === 0) {
          drop(LATE);
          if (routesLate) emit('late', record.key, record.value, timestamp);
        } else if (update.refused > 0) {
          drop(LATE_IN_PART);
        }
        if (update.changed.length === 0) return;
        keepWindows(text, update.windows(), { stores, setTimer, clearTimer }, life, { watermark, timestamp });
        if (life.emitsOnClose) return;
        for (const { startMs, endMs, value, timestamp: newest } of update.changed) {
          emit('records', { key: record.key, startMs, endMs }, value, newest);
        }
      },
    },
    onTimer: (text, dueMs, context) => expireWindows(key, text, dueMs, context, life),
  });
}
