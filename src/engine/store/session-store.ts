import type { Serde } from '../serde.ts';
import type { KeyValueStore } from './key-value-store.ts';
import type { RowFormat } from './row-format.ts';
import { keyOfRow, rowPrefix, timeText } from './window-store.ts';

/** A session: the times of its first and its last event, ms. */
export type Session = { readonly startMs: number; readonly endMs: number };

/** A store of sessions, one row for each. `ttlMs`: after its last change, by event time. */
export function sessionStoreSpec<V>(value: Serde<V>, { ttlMs }: { readonly ttlMs: number }) {
  return { value, ttlMs, kind: 'session', rows: sessionRowFormat } as const;
}

/** A key-value store read as the sessions of each key. */
export interface SessionStore<V> {
  /**
   * Sessions of the key that end at `earliestEndMs` or later and start at `latestStartMs` or before, by their end:
   * what an event between the two may have to be merged with. Reads `sessionsOf(key)`.
   */
  find(
    key: string,
    earliestEndMs: number,
    latestStartMs: number,
  ): Iterable<readonly [session: Session, value: V]>;
  put(key: string, session: Session, value: V, timestamp: number): void;
  delete(key: string, session: Session, timestamp: number): void;
}

/** Reads and writes a store of `sessionStoreSpec` by session, within a handler. Errors: MR_RECORD_TIMESTAMP. */
export function sessionStore<V>(store: KeyValueStore<V>): SessionStore<V> {
  return {
    find: function* (key, earliestEndMs, latestStartMs) {
      const { prefix } = sessionsOf(key);
      for (const [row, value] of store.prefix(prefix)) {
        const [endMs = 0, startMs = 0] = row.slice(prefix.length).split('-').map(Number);
        if (endMs >= earliestEndMs && startMs <= latestStartMs) yield [{ startMs, endMs }, value];
      }
    },
    put: (key, session, value, timestamp) => store.put(sessionRow(key, session), value, timestamp),
    delete: (key, session, timestamp) => store.delete(sessionRow(key, session), timestamp),
  };
}

/** The row of one session: to declare a write of it. */
export function sessionRow(key: string, { startMs, endMs }: Session): string {
  return `${rowPrefix(key)}${timeText(endMs)}-${timeText(startMs)}`;
}

/** The rows of all sessions of a key. */
export function sessionsOf(key: string): { readonly prefix: string } {
  return { prefix: rowPrefix(key) };
}

/** Rows are in the order of their ends: a session that starts in a range ends behind its start. */
const sessionRowFormat: RowFormat = {
  windowRows: (key, fromMs) => [rowPrefix(key) + timeText(fromMs), `${rowPrefix(key)}:`],
  entries: (row, value) => {
    const [endMs = 0, startMs = 0] = row
      .slice(row.indexOf('\u0000') + 1)
      .split('-')
      .map(Number);
    return [{ key: keyOfRow(row), window: { startMs, endMs }, value }];
  },
};
