import { InputError } from '#platform';
import type { FlowRecord } from '../../operators/record.ts';
import type { KeySerde, Serde } from '../../serde.ts';
import { type Entry, timestampedList, withEntry } from '../../store/timestamped-list.ts';
import { defineProcessor, type Port, type ProcessorContext, port, type StoreSpec } from '../processor.ts';
import { invalid } from '../topology.ts';

/** Which pairs meet: those whose right timestamp is at most so far before or after the left one. */
export type JoinWindow = {
  readonly beforeMs: number;
  readonly afterMs: number;
  /** How long after the end of its window a record is still taken in; later ones are dropped and counted. */
  readonly graceMs: number;
};

export type StreamJoinOptions<L, R, J> = JoinWindow & {
  /** Writes the records of the left stream that wait for right ones. */
  readonly value: Serde<L>;
  /** Writes those of the right stream. */
  readonly other: Serde<R>;
  readonly join: J;
};

export type StreamJoinType = 'inner' | 'left' | 'outer';

const MAX_TIME_MS = 2 ** 52;

type SideName = 'left' | 'right';
type Stores<L, R> = {
  readonly left: StoreSpec<readonly Entry<L>[]>;
  readonly right: StoreSpec<readonly Entry<R>[]>;
};
type Side = {
  readonly own: SideName;
  readonly other: SideName;
  /** How far before and after one of its records the other side's may lie. */
  readonly backMs: number;
  readonly aheadMs: number;
  /** Whether its records come out alone where they met none, and whether the other side's do. */
  readonly aloneToo: boolean;
  readonly othersAloneToo: boolean;
};

/**
 * The processor that a join of two streams is, after Kafka Streams' KStreamKStreamJoin. Each side keeps its records
 * by key and stretch of time, a stretch being as long as the window, so that a record finds its counterparts with two
 * point reads. A record that met none comes out alone when the watermark passes the end of its window and the grace;
 * stretches go when nothing that may still come can meet their records.
 */
export function streamJoinSpec<K, L, R, J>(
  key: KeySerde<K>,
  type: StreamJoinType,
  options: StreamJoinOptions<L, R, (left: L | null, right: R | null) => J>,
) {
  const { beforeMs, afterMs, graceMs } = options;
  const rows = stretches(key, options, beforeMs + afterMs);
  const left: Side = {
    own: 'left',
    other: 'right',
    backMs: beforeMs,
    aheadMs: afterMs,
    aloneToo: type !== 'inner',
    othersAloneToo: type === 'outer',
  };
  const right: Side = {
    own: 'right',
    other: 'left',
    backMs: afterMs,
    aheadMs: beforeMs,
    aloneToo: type === 'outer',
    othersAloneToo: type !== 'inner',
  };
  type Context = ProcessorContext<{ joined: Port<K, J> }, Stores<L, R>>;
  const joined = ({ own }: Side, value: unknown, other: unknown) =>
    own === 'left'
      ? options.join(value as L, other as R | null)
      : options.join(other as L | null, value as R);
  const closesAt = (side: Side, { timestamp }: Entry<unknown>) => timestamp + side.aheadMs + graceMs + 1;

  const reads = (side: Side) => (record: FlowRecord<K>) => {
    if (record.key === null) return {};
    const row = rows.of(record.key, record.timestamp);
    const others = rows.between(record.key, record.timestamp - side.backMs, record.timestamp + side.aheadMs);
    return {
      [side.own]: side.aloneToo && side.othersAloneToo ? [row, ...others] : [row],
      [side.other]: [row, ...others],
      timers: side.othersAloneToo ? [row, ...others] : [row],
    };
  };

  /** Sets the row's timer to when its first record without a counterpart comes out, or to its end. */
  const schedule = (row: string, { stores, setTimer }: Context) => {
    let due = rows.endOf(row);
    let earliest = due;
    for (const side of [left, right]) {
      if (!side.aloneToo) continue;
      for (const entry of stores[side.own].get(row) ?? []) {
        if (entry.marked) continue;
        due = Math.min(due, closesAt(side, entry));
        earliest = Math.min(earliest, entry.timestamp);
      }
    }
    setTimer(row, due, earliest);
  };

  const process = (side: Side) => (record: FlowRecord<K, unknown>, context: Context) => {
    const { key: k, value, timestamp } = record;
    const { stores, emit, drop } = context;
    if (value === null) return drop('null-value');
    if (k === null) {
      if (!side.aloneToo) return drop('null-key');
      return emit('joined', k, joined(side, value, null), timestamp);
    }
    if (context.watermark > timestamp + side.aheadMs + graceMs) return drop('late');
    const [from, to] = [timestamp - side.backMs, timestamp + side.aheadMs];
    const row = rows.of(k, timestamp);
    let hasMet = false;
    for (const otherRow of rows.between(k, from, to)) {
      const entries: readonly Entry<unknown>[] = stores[side.other].get(otherRow) ?? [];
      const met = entries.filter((entry) => entry.timestamp >= from && entry.timestamp <= to);
      for (const entry of met) {
        emit('joined', k, joined(side, value, entry.value), Math.max(timestamp, entry.timestamp));
      }
      hasMet ||= met.length > 0;
      if (met.some(({ marked }) => !marked)) {
        const marked = entries.map((entry) => (met.includes(entry) ? { ...entry, marked: true } : entry));
        stores[side.other].put(otherRow, marked as never, timestamp);
        // What has met another holds the watermark no longer.
        if (otherRow !== row) schedule(otherRow, context);
      }
    }
    const entry = { timestamp, value, marked: hasMet || !side.aloneToo };
    const own: readonly Entry<unknown>[] = stores[side.own].get(row) ?? [];
    stores[side.own].put(row, withEntry(own, entry) as never, timestamp);
    schedule(row, context);
  };

  return defineProcessor<{ left: Port<K, L>; right: Port<K, R> }, { joined: Port<K, J> }, Stores<L, R>>({
    inputs: { left: port(), right: port() },
    outputs: { joined: port() },
    stores: {
      left: { value: timestampedList(options.value, rows.layout) },
      right: { value: timestampedList(options.other, rows.layout) },
    },
    reads: { left: reads(left), right: reads(right) },
    process: { left: process(left), right: process(right) },
    onTimer: (row, dueMs, context) => {
      const { stores, emit } = context;
      for (const side of [left, right]) {
        const entries: readonly Entry<unknown>[] = stores[side.own].get(row) ?? [];
        const closed = entries.filter((entry) => !entry.marked && closesAt(side, entry) <= dueMs);
        for (const { value, timestamp } of closed) {
          emit('joined', rows.keyOf(row), joined(side, value, null), timestamp);
        }
        if (closed.length === 0) continue;
        // What has come out alone meets nothing any more: it would be told of twice, once in error.
        const rest = entries.filter((entry) => !closed.includes(entry));
        if (rest.length === 0) stores[side.own].delete(row, dueMs);
        else stores[side.own].put(row, rest as never, dueMs);
      }
      if (dueMs < rows.endOf(row)) return schedule(row, context);
      for (const side of [left, right]) {
        if (stores[side.own].get(row) !== undefined) stores[side.own].delete(row, dueMs);
      }
    },
  });
}

/** The processor that joins a stream with itself; each record meets itself once. */
export function selfJoinSpec<K, V, J>(
  key: KeySerde<K>,
  options: JoinWindow & { readonly value: Serde<V>; readonly join: (left: V, right: V) => J },
) {
  const { beforeMs, afterMs, graceMs, join } = options;
  const reachMs = Math.max(beforeMs, afterMs);
  const rows = stretches(key, options, 2 * reachMs);
  return defineProcessor({
    inputs: { records: port<K, V>() },
    outputs: { joined: port<K, J>() },
    stores: { records: { value: timestampedList(options.value, rows.layout) } },
    reads: {
      records: ({ key: k, timestamp }) => {
        if (k === null) return {};
        const row = rows.of(k, timestamp);
        return {
          records: [row, ...rows.between(k, timestamp - reachMs, timestamp + reachMs)],
          timers: [row],
        };
      },
    },
    process: {
      records: ({ key: k, value, timestamp }, { stores, emit, setTimer, watermark, drop }) => {
        if (value === null) return drop('null-value');
        if (k === null) return drop('null-key');
        if (watermark > timestamp + reachMs + graceMs) return drop('late');
        const near = rows
          .between(k, timestamp - reachMs, timestamp + reachMs)
          .flatMap((row) => stores.records.get(row) ?? []);
        for (const other of near) {
          if (other.timestamp < timestamp - beforeMs || other.timestamp > timestamp + afterMs) continue;
          emit('joined', k, join(value, other.value as V), Math.max(timestamp, other.timestamp));
        }
        // The record is its own counterpart, between earlier and later ones.
        const self = { timestamp, value, marked: true };
        for (const other of withEntry(near, self)) {
          if (other.timestamp < timestamp - afterMs || other.timestamp > timestamp + beforeMs) continue;
          emit('joined', k, join(other.value as V, value), Math.max(timestamp, other.timestamp));
        }
        const row = rows.of(k, timestamp);
        stores.records.put(row, withEntry(stores.records.get(row) ?? [], self), timestamp);
        setTimer(row, rows.endOf(row));
      },
    },
    onTimer: (row, dueMs, { stores }) => stores.records.delete(row, dueMs),
  });
}

/**
 * The rows that records are kept in: a key's, a stretch of time each. One that is not late may come when the watermark
 * is up to `behindMs` and the grace past a record that it meets.
 */
function stretches<K>(key: KeySerde<K>, { beforeMs, afterMs, graceMs }: JoinWindow, behindMs: number) {
  for (const [name, ms] of Object.entries({ beforeMs, afterMs, graceMs })) {
    if (!(ms >= 0 && Number.isFinite(ms)))
      throw invalid(`${name} of a join is ${ms}, which is not a duration`);
  }
  const lengthMs = Math.max(1, beforeMs + afterMs);
  const stretchOf = (ms: number) => {
    // Beyond it stretches could not be counted: the walk from one to the next would never end.
    if (Math.abs(ms) <= MAX_TIME_MS) return Math.floor(ms / lengthMs);
    throw new InputError('MR_RECORD_TIMESTAMP', `${ms} is not a duration that a join can keep a record for`);
  };
  const split = (row: string) => row.lastIndexOf('\u0000');
  return {
    /** Rows of other stretches are not to be read as rows of these. */
    layout: `stretches-of-${lengthMs}-ms-1`,
    of: (k: K, ms: number): string => `${key.toText(k)}\u0000${stretchOf(ms)}`,
    /** The rows that hold records of this time, first and last millisecond included. */
    between: (k: K, fromMs: number, toMs: number): string[] => {
      const text = key.toText(k);
      const found: string[] = [];
      for (let stretch = stretchOf(fromMs); stretch <= stretchOf(toMs); stretch++) {
        found.push(`${text}\u0000${stretch}`);
      }
      return found;
    },
    keyOf: (row: string): K => key.fromText(row.slice(0, split(row))),
    /** The watermark from which on nothing that is not late can meet the row's records. */
    endOf: (row: string): number => (Number(row.slice(split(row) + 1)) + 1) * lengthMs + behindMs + graceMs,
  };
}
