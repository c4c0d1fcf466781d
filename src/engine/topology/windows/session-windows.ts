import type { FlowRecord } from '../../operators/record.ts';
import type { KeySerde } from '../../serde.ts';
import { defineProcessor } from '../processor.ts';
import {
  LATE,
  NULL_KEY,
  NULL_VALUE,
  type SessionMerge,
  type WindowAggregation,
  windowPorts,
} from './aggregation.ts';
import { windowListSerde } from './state-serde.ts';
import { assertTimestamp, closesAt, type SessionWindow } from './window.ts';
import { expireWindows, keepWindows, type WindowLife } from './window-list.ts';
import { windowListRows } from './window-rows.ts';

/**
 * Sessions: a row for each key holds its sessions. A record joins all open ones within the gap of it into one; each of
 * those goes with a tombstone. It is late iff the joined session ends before watermark - grace - gap, as in Kafka
 * Streams; a session that has closed is joined no more, so that what is emitted on close is final, as in Flink.
 */
export function sessionWindowSpec<K, V, S>(
  key: KeySerde<K>,
  window: SessionWindow,
  options: WindowAggregation<K, V, S> & SessionMerge<S>,
  routesLate: boolean,
) {
  const { gapMs, graceMs } = window;
  const { initial, add, merge, retentionMs = 0 } = options;
  const life: WindowLife = {
    emitsOnClose: options.emit === 'on-close',
    closesAt: (endMs) => closesAt(window, endMs),
    removedAt: (endMs) => closesAt(window, endMs) + retentionMs,
  };
  return defineProcessor({
    ...windowPorts<K, V, S>(),
    stores: {
      windows: { value: windowListSerde(options.value, 'sessions-1'), kind: 'session', rows: windowListRows },
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
        const closed = watermark - graceMs - gapMs;
        const sessions = stores.windows.get(text) ?? [];
        const joined = sessions.filter(
          ({ startMs, endMs }) =>
            endMs >= closed && endMs >= timestamp - gapMs && startMs <= timestamp + gapMs,
        );
        const startMs = joined.reduce((least, session) => Math.min(least, session.startMs), timestamp);
        const endMs = joined.reduce((most, session) => Math.max(most, session.endMs), timestamp);
        if (endMs < closed) {
          drop(LATE);
          if (routesLate) emit('late', record.key, record.value, timestamp);
          return;
        }
        const before = joined.reduce((state, { value }) => merge(state, value), initial());
        const value = add(before, record as FlowRecord<K, NonNullable<V>>);
        if (value === null && joined.length === 0) return;
        const others = sessions.filter((session) => !joined.includes(session));
        const own = value === null ? [] : [{ value, timestamp: endMs, startMs, endMs }];
        const all = [...others, ...own].sort((a, b) => a.startMs - b.startMs);
        keepWindows(text, all, { stores, setTimer, clearTimer }, life, { watermark, timestamp });
        if (life.emitsOnClose) return;
        // One that stays what it is, a single instant, has nothing to take back.
        const gone = startMs === endMs && value !== null ? [] : joined;
        for (const session of gone) {
          const { startMs, endMs } = session;
          emit('records', { key: record.key, startMs, endMs }, null, endMs);
        }
        if (value !== null) emit('records', { key: record.key, startMs, endMs }, value, endMs);
      },
    },
    onTimer: (text, dueMs, context) => expireWindows(key, text, dueMs, context, life),
  });
}
