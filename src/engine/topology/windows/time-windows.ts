import type { FlowRecord } from '../../operators/record.ts';
import type { KeySerde, Serde } from '../../serde.ts';
import { defineProcessor } from '../processor.ts';
import {
  LATE,
  LATE_IN_PART,
  NULL_KEY,
  NULL_VALUE,
  type WindowAggregation,
  windowPorts,
} from './aggregation.ts';
import { Grid } from './grid.ts';
import { timedSerde } from './state-serde.ts';
import { closesAt, type TimeWindow } from './window.ts';
import { timeWindowRows } from './window-rows.ts';
import { parseRowKey } from './windowed-key.ts';

/**
 * Tumbling and hopping windows: a row for each key and window, whose timer removes it when the window has closed and
 * been kept for as long as wanted. A record is taken into a window iff its end > watermark - grace, as in Kafka Streams.
 */
export function timeWindowSpec<K, V, S>(
  key: KeySerde<K>,
  window: TimeWindow,
  options: WindowAggregation<K, V, S>,
  routesLate: boolean,
) {
  const { initial, add, emit: emission, retentionMs = 0 } = options;
  const emitsOnClose = emission === 'on-close';
  const grid = new Grid<K>(window);
  return defineProcessor({
    ...windowPorts<K, V, S>(),
    stores: {
      windows: {
        value: timedSerde<S>(
          options.value as Serde<NonNullable<S>>,
          `windows-of-${window.sizeMs}-every-${window.advanceMs}-ms-1`,
        ),
        kind: 'window',
        rows: timeWindowRows(window.sizeMs),
      },
    },
    reads: {
      records: (record) =>
        record.key === null ? {} : grid.cell(record.key, key.toText(record.key), record.timestamp).reads,
    },
    process: {
      records: (record, { stores, emit, setTimer, clearTimer, watermark, drop }) => {
        const { timestamp } = record;
        if (record.key === null) return drop(NULL_KEY);
        if (record.value === null) return drop(NULL_VALUE);
        const closed = watermark - window.graceMs;
        let taken = 0;
        let refused = 0;
        for (const windowed of grid.cell(record.key, key.toText(record.key), timestamp).windows) {
          const { row, endMs } = windowed;
          if (endMs <= closed) {
            refused++;
            continue;
          }
          taken++;
          const before = stores.windows.get(row);
          const value = add(before?.value ?? initial(), record as FlowRecord<K, NonNullable<V>>);
          const newest = before !== undefined && before.timestamp > timestamp ? before.timestamp : timestamp;
          if (value === null) {
            if (before === undefined) continue;
            stores.windows.delete(row, timestamp);
            clearTimer(row);
          } else stores.windows.put(row, { value, timestamp: newest }, timestamp);
          if (before === undefined) {
            if (emitsOnClose) setTimer(row, closesAt(window, endMs), timestamp);
            else setTimer(row, closesAt(window, endMs) + retentionMs);
          }
          if (!emitsOnClose) emit('records', windowed, value, newest);
        }
        if (refused === 0) return;
        drop(taken === 0 ? LATE : LATE_IN_PART);
        if (taken === 0 && routesLate) emit('late', record.key, record.value, timestamp);
      },
    },
    onTimer: (row, dueMs, { stores, emit, setTimer }) => {
      const state = stores.windows.get(row);
      if (state === undefined) return;
      const { key: text, startMs } = parseRowKey(row);
      const endMs = startMs + window.sizeMs;
      const removedAt = closesAt(window, endMs) + retentionMs;
      if (emitsOnClose && (retentionMs === 0 || dueMs < removedAt)) {
        emit('records', { key: key.fromText(text), startMs, endMs }, state.value, state.timestamp);
      }
      if (dueMs < removedAt) setTimer(row, removedAt);
      else stores.windows.delete(row, dueMs);
    },
  });
}
