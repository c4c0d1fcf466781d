import type { FlowRecord } from '../../operators/record.ts';
import { checkedKey } from '../../operators/record-checks.ts';
import { type KeySerde, type Serde, textKey } from '../../serde.ts';
import { type Entry, timestampedList, withEntry } from '../../store/timestamped-list.ts';
import {
  forgottenAtMs,
  type VersionedRow,
  valueAsOf,
  versionedRows,
  withVersion,
} from '../../store/versioned.ts';
import {
  defineProcessor,
  type Port,
  type ProcessorContext,
  type ProcessorSpec,
  port,
  type StoreSpec,
} from '../processor.ts';
import type { Table } from '../table.ts';
import { invalid } from '../topology.ts';
import { copyOf } from './copy-of.ts';

/** Makes the joined value; `right` is undefined where the table has no row. Undefined drops the record (inner join). */
export type Joiner<V, T, R> = (left: V, right: T | undefined) => R | undefined;

export type StreamTableJoinOptions<V> = {
  /** How long, in event time, a record waits for changes of a versioned table that come behind it. */
  readonly graceMs: number;
  /** Writes the records that wait. */
  readonly value: Serde<V>;
};

/** The processor that a join of a stream with a table is. */
export function streamTableSpec<K, V, T, R>(
  name: string,
  table: Table<K, T>,
  keySerde: KeySerde<K>,
  join: Joiner<V, T, R>,
  options: StreamTableJoinOptions<V> | undefined,
): ProcessorSpec<
  { table: Port<K, T | null>; stream: Port<K, V> },
  { joined: Port<K, R> },
  { readonly table: StoreSpec<unknown> }
> {
  const { historyMs } = table;
  const key = checkedKey(keySerde, name);
  if (historyMs !== undefined && options !== undefined) {
    return graceJoinSpec(table, key, join, historyMs, options) as never;
  }
  if (options !== undefined)
    throw invalid('a join waits only for a table with a history: declare it versioned');
  return (
    historyMs === undefined
      ? joinSpec(table, key, join, (keySerde as unknown) === textKey)
      : asOfJoinSpec(table, key, join, historyMs)
  ) as never;
}

/** Joins records with the table as it stands when each is read. */
function joinSpec<K, V, T, R>(table: Table<K, T>, key: KeySerde<K>, join: Joiner<V, T, R>, isText: boolean) {
  const ownRow = (record: FlowRecord<K>) => ({ table: record.key === null ? [] : [key.toText(record.key)] });
  return defineProcessor({
    inputs: { table: port<K, T | null>(), stream: port<K, V>() },
    outputs: { joined: port<K, R>() },
    stores: { table: copyOf(table) },
    // A text key is its own text, which is what is read by default.
    ...(!isText && { reads: { table: ownRow, stream: ownRow } }),
    process: {
      table: ({ key: k, value, timestamp }, { stores, drop }) => {
        if (k === null) return drop('null-key');
        if (value === null) stores.table.delete(key.toText(k), timestamp);
        else stores.table.put(key.toText(k), value, timestamp);
      },
      stream: (record, { stores, emit, drop }) => {
        if (record.value === null) return drop('null-value');
        const row = record.key === null ? undefined : stores.table.get(key.toText(record.key));
        emitJoined(join(record.value, row), record, emit);
      },
    },
  });
}

/** Joins records with a versioned table as of their own time, without waiting. */
function asOfJoinSpec<K, V, T, R>(
  table: Table<K, T>,
  key: KeySerde<K>,
  join: Joiner<V, T, R>,
  historyMs: number,
) {
  const textOf = (record: FlowRecord<K>) => (record.key === null ? [] : [key.toText(record.key)]);
  return defineProcessor({
    inputs: { table: port<K, T | null>(), stream: port<K, V>() },
    outputs: { joined: port<K, R>() },
    stores: { table: { value: versionedRows(table.value) } },
    reads: {
      table: (record) => ({ table: textOf(record), timers: textOf(record) }),
      stream: (record) => ({ table: textOf(record) }),
    },
    process: {
      table: (record, { stores, setTimer, clearTimer, drop }) => {
        if (record.key === null) return drop('null-key');
        const text = key.toText(record.key);
        const row = withVersion(stores.table.get(text), record, historyMs);
        if (row === undefined) return drop('late');
        stores.table.put(text, row, record.timestamp);
        const forgotten = forgottenAtMs(row, historyMs);
        if (forgotten === undefined) clearTimer(text);
        else setTimer(text, forgotten);
      },
      stream: (record, { stores, emit, drop }) => {
        if (record.value === null) return drop('null-value');
        const row = record.key === null ? undefined : stores.table.get(key.toText(record.key));
        emitJoined(join(record.value, valueAsOf(row, record.timestamp, historyMs)), record, emit);
      },
    },
    onTimer: (text, dueMs, { stores }) => stores.table.delete(text, dueMs),
  });
}

type GraceStores<V, T> = {
  readonly table: StoreSpec<VersionedRow<T>>;
  readonly waiting: StoreSpec<readonly Entry<V>[]>;
};

/**
 * As `asOfJoinSpec`, but a record waits until the watermark is `graceMs` past it, so that the table's changes which
 * come behind it count; one that comes later than that is joined at once.
 */
function graceJoinSpec<K, V, T, R>(
  table: Table<K, T>,
  key: KeySerde<K>,
  join: Joiner<V, T, R>,
  historyMs: number,
  { graceMs, value }: StreamTableJoinOptions<V>,
) {
  if (!(graceMs >= 0 && graceMs <= historyMs)) {
    throw invalid(`a grace of ${graceMs} ms needs a table with as much history, which has ${historyMs} ms`);
  }
  type Context = ProcessorContext<{ joined: Port<K, R> }, GraceStores<V, T>>;
  const stores: GraceStores<V, T> = {
    table: { value: versionedRows(table.value) },
    waiting: { value: timestampedList(value) },
  };
  // One timer a key serves both: the first record that waits, and the row that is forgotten.
  const schedule = (text: string, context: Context) => {
    const row = context.stores.table.get(text);
    const first = context.stores.waiting.get(text)?.[0];
    const due = Math.min(
      (row && forgottenAtMs(row, historyMs)) ?? Number.POSITIVE_INFINITY,
      first === undefined ? Number.POSITIVE_INFINITY : first.timestamp + graceMs,
    );
    if (due === Number.POSITIVE_INFINITY) context.clearTimer(text);
    else context.setTimer(text, due, first?.timestamp);
  };
  const reads = ({ key: k }: FlowRecord<K>) => {
    const own = k === null ? [] : [key.toText(k)];
    return { table: own, waiting: own, timers: own };
  };
  return defineProcessor<
    { table: Port<K, T | null>; stream: Port<K, V> },
    { joined: Port<K, R> },
    GraceStores<V, T>
  >({
    inputs: { table: port(), stream: port() },
    outputs: { joined: port() },
    stores,
    reads: { table: reads, stream: reads },
    process: {
      table: (record, context) => {
        if (record.key === null) return context.drop('null-key');
        const text = key.toText(record.key);
        const row = withVersion(context.stores.table.get(text), record, historyMs);
        if (row === undefined) return context.drop('late');
        context.stores.table.put(text, row, record.timestamp);
        schedule(text, context);
      },
      stream: (record, context) => {
        const { key: k, timestamp } = record;
        if (record.value === null) return context.drop('null-value');
        if (k === null) return emitJoined(join(record.value, undefined), record, context.emit);
        const text = key.toText(k);
        if (context.watermark >= timestamp + graceMs) {
          const row = valueAsOf(context.stores.table.get(text), timestamp, historyMs);
          return emitJoined(join(record.value, row), record, context.emit);
        }
        const waiting = context.stores.waiting.get(text) ?? [];
        const entry = { timestamp, value: record.value, marked: false };
        context.stores.waiting.put(text, withEntry(waiting, entry), timestamp);
        schedule(text, context);
      },
    },
    onTimer: (text, dueMs, context) => {
      const row = context.stores.table.get(text);
      const waiting = context.stores.waiting.get(text) ?? [];
      const isDue = ({ timestamp }: { timestamp: number }) => timestamp + graceMs <= dueMs;
      for (const { timestamp, value: left } of waiting.filter(isDue)) {
        const joined = join(left as V, valueAsOf(row, timestamp, historyMs));
        emitJoined(joined, { key: key.fromText(text), timestamp }, context.emit);
      }
      const left = waiting.filter((entry) => !isDue(entry));
      if (left.length > 0) context.stores.waiting.put(text, left, dueMs);
      else if (waiting.length > 0) context.stores.waiting.delete(text, dueMs);
      const forgotten = row && forgottenAtMs(row, historyMs);
      if (forgotten !== undefined && forgotten <= dueMs) context.stores.table.delete(text, dueMs);
      schedule(text, context);
    },
  });
}

function emitJoined<K, R>(
  joined: R | undefined,
  { key, timestamp }: { readonly key: K; readonly timestamp: number },
  emit: (output: 'joined', key: K, value: R, timestamp: number) => void,
): void {
  if (joined !== undefined) emit('joined', key, joined, timestamp);
}
