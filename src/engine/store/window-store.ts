import { InputError } from '#platform';
import type { Serde } from '../serde.ts';
import type { KeyValueStore } from './key-value-store.ts';
import type { RowFormat } from './row-format.ts';

/** A store of windows, one row for each key and start. `ttlMs`: after its last change, by event time. */
export function windowStoreSpec<V>(value: Serde<V>, { ttlMs }: { readonly ttlMs: number }) {
  return { value, ttlMs, kind: 'window', rows: windowRowFormat } as const;
}

/** A key-value store read as windows, each with its key and the time at which it starts (ms of event time). */
export interface WindowStore<V> {
  get(key: string, startMs: number): V | undefined;
  put(key: string, startMs: number, value: V, timestamp: number): void;
  delete(key: string, startMs: number, timestamp: number): void;
  /** Windows of the key that start from `fromMs` up to and with `toMs`, by start. Reads `windowsOf(key)`. */
  fetch(key: string, fromMs: number, toMs: number): Iterable<readonly [startMs: number, value: V]>;
}

/** Reads and writes a store of `windowStoreSpec` by window, within a handler. Errors: MR_RECORD_TIMESTAMP. */
export function windowStore<V>(store: KeyValueStore<V>): WindowStore<V> {
  return {
    get: (key, startMs) => store.get(windowRow(key, startMs)),
    put: (key, startMs, value, timestamp) => store.put(windowRow(key, startMs), value, timestamp),
    delete: (key, startMs, timestamp) => store.delete(windowRow(key, startMs), timestamp),
    fetch: function* (key, fromMs, toMs) {
      const { prefix } = windowsOf(key);
      for (const [row, value] of store.prefix(prefix)) {
        const startMs = Number(row.slice(prefix.length));
        if (startMs >= fromMs && startMs <= toMs) yield [startMs, value];
      }
    },
  };
}

/** The row of one window: to declare a read of it. */
export function windowRow(key: string, startMs: number): string {
  return rowPrefix(key) + timeText(startMs);
}

/** The rows of the windows that start at a multiple of `advanceMs` from `fromMs` up to and with `toMs`. */
export function windowRows(key: string, fromMs: number, toMs: number, advanceMs: number): string[] {
  const rows: string[] = [];
  const first = Math.max(0, Math.ceil(fromMs / advanceMs)) * advanceMs;
  for (let startMs = first; startMs <= toMs; startMs += advanceMs) rows.push(windowRow(key, startMs));
  return rows;
}

/** The rows of all windows of a key. */
export function windowsOf(key: string): { readonly prefix: string } {
  return { prefix: rowPrefix(key) };
}

const TIME_DIGITS = 16;

/** A key in front of times: no other key's rows begin so, whatever characters the keys have. */
export function rowPrefix(key: string): string {
  const escaped = key.replaceAll('\u0001', '\u0001\u0002').replaceAll('\u0000', '\u0001\u0001');
  return `${escaped}\u0000`;
}

/** The key in front of a row's times. */
export function keyOfRow(row: string): string {
  const escaped = row.slice(0, row.indexOf('\u0000'));
  return escaped.replaceAll('\u0001\u0001', '\u0000').replaceAll('\u0001\u0002', '\u0001');
}

const windowRowFormat: RowFormat = {
  windowRows: (key, fromMs, toMs) => [windowRow(key, fromMs), windowRow(key, toMs)],
  entries: (row, value) => [
    { key: keyOfRow(row), window: { startMs: Number(row.slice(row.indexOf('\u0000') + 1)) }, value },
  ],
};

/** A time of fixed width, so that rows are in the order of time. Errors: MR_RECORD_TIMESTAMP. */
export function timeText(ms: number): string {
  if (!Number.isSafeInteger(ms) || ms < 0) {
    throw new InputError('MR_RECORD_TIMESTAMP', `${ms} is not a window's time`);
  }
  return String(ms).padStart(TIME_DIGITS, '0');
}
