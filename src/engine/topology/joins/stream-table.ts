import type { FlowRecord } from '../../operators/record.ts';
import { checkedKey } from '../../operators/record-checks.ts';
import { type KeySerde, type Serde, textKey } from '../../serde.ts';
import type { KeyValueStore } from '../../store/key-value-store.ts';
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
import { forgottenAt } from '../windows/windowed-key.ts';
import { copyOf } from './copy-of.ts';

/** Makes the joined value; `right` is undefined where the table has no row. Undefined drops the record (inner join). */
export type Joiner<V, T, R> = (left: V, right: T | undefined) => R | undefined;

export type StreamTableJoinOptions<V> = {
  /** How long, in event time, a record waits for late changes of a versioned table. */
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
  const endsAt = rowEndsAt(table);
  const textsOf = (record: FlowRecord<K>) => (record.key === null ? [] : [key.toText(record.key)]);
  return defineProcessor({
    inputs: { table: port<K, T | null>(), stream: port<K, V>() },
    outputs: { joined: port<K, R>() },
    stores: { table: copyOf(table) },
    // A text key is its own text, which is what is read by default.
    ...(!isText && {
      reads: {
        table: (record: FlowRecord<K>) => ({
          table: textsOf(record),
          timers: endsAt === undefined ? [] : textsOf(record),
        }),
        stream: (record: FlowRecord<K>) => ({ table: textsOf(record) }),
      },
    }),
    process: {
      table: ({ key: k, value, timestamp }, { stores, setTimer, drop }) => {
        if (k === null) return drop('null-key');
        const text = key.toText(k);
        if (value === null) stores.table.delete(text, timestamp);
        else stores.table.put(text, value, timestamp);
        if (value !== null && endsAt !== undefined) setTimer(text, endsAt(k));
      },
      stream: (record, { stores, emit, drop }) => {
        const { key: k, value, timestamp } = record;
        if (value === null) return drop('null-value');
        const isThere = k !== null && !(endsAt !== undefined && timestamp >= endsAt(k));
        emitJoined(join(value, isThere ? stores.table.get(key.toText(k)) : undefined), record, emit);
      },
    },
    ...(endsAt !== undefined && {
      onTimer: (text: string, dueMs: number, { stores }: Forgetting) => stores.table.delete(text, dueMs),
    }),
  });
}

/** What the timer of a forgotten row is given. */
type Forgetting = { readonly stores: { readonly table: Pick<KeyValueStore<unknown>, 'delete'> } };

/** The time from which on no record may ask for a row, as its window has long closed; undefined where there are no windows. */
function rowEndsAt<K, T>(table: Table<K, T>): ((key: K) => number) | undefined {
  return table.topic === undefined ? forgottenAt(table.key) : undefined;
}

/** Joins records with a versioned table as of their own time, without waiting. */
function asOfJoinSpec<K, V, T, R>(
  table: Table<K, T>,
  key: KeySerde<K>,
  join: Joiner<V, T, R>,
  historyMs: number,
) {
  const versions = versionsOf(table, historyMs);
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
        const forgotten = versions.forgottenAt(row, record.key);
        if (forgotten === undefined) clearTimer(text);
        else setTimer(text, forgotten);
      },
      stream: (record, { stores, emit, drop }) => {
        if (record.value === null) return drop('null-value');
        const { key: k, value, timestamp } = record;
        const row = k === null ? undefined : versions.asOf(stores.table.get(key.toText(k)), k, timestamp);
        emitJoined(join(value, row), record, emit);
      },
    },
    onTimer: (text, dueMs, { stores }) => stores.table.delete(text, dueMs),
  });
}

/** What a row's versions say, which end with its window: nobody asks for the row as of a later time. */
function versionsOf<K, T>(table: Table<K, T>, historyMs: number) {
  const endsAt = rowEndsAt(table);
  return {
    asOf: (row: VersionedRow<T> | undefined, key: K, ms: number): T | undefined =>
      endsAt !== undefined && ms >= endsAt(key) ? undefined : valueAsOf(row, ms, historyMs),
    /** When records come too late to ask for the row, which has been removed or whose window has long closed. */
    forgottenAt: (row: VersionedRow<T>, key: K): number | undefined =>
      forgottenAtMs(row, historyMs) ?? (endsAt && endsAt(key) + historyMs),
  };
}

type GraceStores<V, T> = {
  readonly table: StoreSpec<VersionedRow<T>>;
  readonly waiting: StoreSpec<readonly Entry<V>[]>;
};

/**
 * As `asOfJoinSpec`, but a record waits until the watermark is `graceMs` past it, so that changes of the table which
 * arrive after it count; a record that arrives later than that is joined at once.
 */
function graceJoinSpec<K, V, T, R>(
  table: Table<K, T>,
  key: KeySerde<K>,
  join: Joiner<V, T, R>,
  historyMs: number,
  { graceMs, value }: StreamTableJoinOptions<V>,
) {
  if (!(graceMs >= 0 && graceMs <= historyMs)) {
    throw invalid(`a grace of ${graceMs} ms requires a table with as much history; it has ${historyMs} ms`);
  }
  type Context = ProcessorContext<{ joined: Port<K, R> }, GraceStores<V, T>>;
  const stores: GraceStores<V, T> = {
    table: { value: versionedRows(table.value) },
    waiting: { value: timestampedList(value) },
  };
  const versions = versionsOf(table, historyMs);
  // One timer a key serves both: the first record that waits, and the row that is forgotten.
  const schedule = (text: string, context: Context) => {
    const row = context.stores.table.get(text);
    const first = context.stores.waiting.get(text)?.[0];
    const due = Math.min(
      (row && versions.forgottenAt(row, key.fromText(text))) ?? Number.POSITIVE_INFINITY,
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
          const row = versions.asOf(context.stores.table.get(text), k, timestamp);
          return emitJoined(join(record.value, row), record, context.emit);
        }
        const waiting = context.stores.waiting.get(text) ?? [];
        const entry = { timestamp, value: record.value, marked: false };
        context.stores.waiting.put(text, withEntry(waiting, entry), timestamp);
        schedule(text, context);
      },
    },
    onTimer: (text, dueMs, context) => {
      const k = key.fromText(text);
      const row = context.stores.table.get(text);
      const waiting = context.stores.waiting.get(text) ?? [];
      const isDue = ({ timestamp }: { timestamp: number }) => timestamp + graceMs <= dueMs;
      for (const { timestamp, value: left } of waiting.filter(isDue)) {
        emitJoined(join(left as V, versions.asOf(row, k, timestamp)), { key: k, timestamp }, context.emit);
      }
      const left = waiting.filter((entry) => !isDue(entry));
      if (left.length > 0) context.stores.waiting.put(text, left, dueMs);
      else if (waiting.length > 0) context.stores.waiting.delete(text, dueMs);
      const forgotten = row && versions.forgottenAt(row, k);
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
