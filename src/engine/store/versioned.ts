import type { Serde } from '../serde.ts';
import { type Entry, timestampedList } from './timestamped-list.ts';

/** A value from an event time on; null where the row was removed. */
export type Version<V> = Pick<Entry<V>, 'timestamp' | 'value'>;

/** All that is remembered of one key, newest version first. */
export type VersionedRow<V> = readonly Entry<V>[];

/**
 * Rows with a history, as of Kafka's versioned key-value store (KIP-889), one row a key. A version counts from its
 * timestamp until the next one's. What is older than `historyMs` before the row's newest version is forgotten, but
 * for the version that counted then; so each row's history depends on its own changes alone.
 */
export function versionedRows<V>(value: Serde<V>): Serde<VersionedRow<V>> {
  return timestampedList(value);
}

/**
 * The row with one more version, which replaces one of the same timestamp; undefined where it comes too late to be
 * taken in.
 */
export function withVersion<V>(
  row: VersionedRow<V> | undefined,
  { timestamp, value }: Version<V>,
  historyMs: number,
): VersionedRow<V> | undefined {
  const versions = row ?? [];
  const newest = Math.max(versions[0]?.timestamp ?? timestamp, timestamp);
  const horizon = newest - historyMs;
  if (timestamp < horizon) return undefined;
  const later = versions.filter((version) => version.timestamp > timestamp);
  const earlier = versions.filter((version) => version.timestamp < timestamp);
  const all = [...later, { timestamp, value, marked: false }, ...earlier];
  const atHorizon = all.findIndex((version) => version.timestamp <= horizon);
  return atHorizon < 0 ? all : all.slice(0, atHorizon + 1);
}

/**
 * The value that counted at `ms`: undefined where there was none, and before the row's history, whatever is still there of
 * that time: a version is kept for what it says of the history's beginning.
 */
export function valueAsOf<V>(row: VersionedRow<V> | undefined, ms: number, historyMs: number): V | undefined {
  if (ms < (row?.[0]?.timestamp ?? ms) - historyMs) return undefined;
  return row?.find(({ timestamp }) => timestamp <= ms)?.value ?? undefined;
}

/**
 * When a row may be forgotten whole: it was removed, and an older version would come too late from then on. Undefined
 * while it has a value.
 */
export function forgottenAtMs<V>(row: VersionedRow<V>, historyMs: number): number | undefined {
  const newest = row[0];
  return newest?.value === null ? newest.timestamp + historyMs : undefined;
}
