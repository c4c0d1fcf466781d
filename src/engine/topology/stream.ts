import type { FlowRecord } from '../operators/record.ts';
import { checkedKey, textOf, undefinedOf } from '../operators/record-checks.ts';
import type { KeySerde, Serde, Topic } from '../serde.ts';
import { type AggregateOptions, aggregateSpec } from './aggregate.ts';
import type { KeyByOptions, KeyOption, TopologyBuilder } from './builder.ts';
import { type GlobalKeyOf, type GlobalTable, globalJoinNode } from './joins/global-table.ts';
import {
  type JoinWindow,
  type StreamJoinOptions,
  type StreamJoinType,
  selfJoinSpec,
  streamJoinSpec,
} from './joins/stream-stream.ts';
import { type Joiner, type StreamTableJoinOptions, streamTableSpec } from './joins/stream-table.ts';
import type { Outlet } from './node.ts';
import { Table } from './table.ts';
import { invalid } from './topology.ts';
import type { Window } from './windows/window.ts';
import { WindowedStream } from './windows/windowed-stream.ts';

/** When an operator's results go out: after every record, or the last one of each key when the task commits. */
export type Emission = 'every-update' | 'per-commit';

export type SinkOptions = {
  /** 'same' keeps the partition that the records were read from. */
  readonly partitioning?: 'by-key' | 'same';
  /** Whether partitions without records get the watermark in records of their own. */
  readonly heartbeat?: boolean;
};

/** A stream of records under declaration. Each operator returns a new one. */
export class Stream<K, V> {
  readonly key: KeySerde<K>;
  readonly from: Outlet;
  readonly builder: TopologyBuilder;
  /** Never set: makes the value's type part of the stream's. */
  declare readonly valueType: V;

  constructor(builder: TopologyBuilder, key: KeySerde<K>, from: Outlet) {
    this.builder = builder;
    this.key = key;
    this.from = from;
  }

  /** Another value for each record. What `apply` throws sends the record to the dead letters, as in all operators. */
  map<R>(apply: (value: V, record: FlowRecord<K, V>) => R): Stream<K, R> {
    return this.#stateless('map', (record, emit) => emit(apply(record.value, record)));
  }

  /** The records that pass. */
  filter(keep: (value: V, record: FlowRecord<K, V>) => boolean): Stream<K, V> {
    return this.#stateless('filter', (record, emit) => {
      if (keep(record.value, record)) emit(record.value);
    });
  }

  /** Any number of values for each record, in the order in which they are given, under its key and time. */
  flatMap<R>(apply: (value: V, record: FlowRecord<K, V>) => Iterable<R>): Stream<K, R> {
    return this.#stateless('flat-map', (record, emit, name) => {
      const values: Iterable<R> | undefined = apply(record.value, record);
      if (values === undefined) throw undefinedOf(name, record.key);
      for (const value of values) emit(value);
    });
  }

  /** Splits the stream: each record goes to the first branch that takes it, or nowhere. */
  branch<B extends string>(
    branches: {
      readonly [N in B]: (value: V, record: FlowRecord<K, V>) => boolean;
    },
  ): { readonly [N in B]: Stream<K, V> } {
    const conditions = Object.entries(branches) as [B, (value: V, record: FlowRecord<K, V>) => boolean][];
    // Chosen once: what a condition throws is one error, and not one in each branch.
    const chosen = this.#stateless<{ readonly branch: number; readonly value: V }>(
      'branch',
      (record, emit) => {
        const branch = conditions.findIndex(([, takes]) => takes(record.value, record));
        if (branch >= 0) emit({ branch, value: record.value });
      },
    );
    const streams = conditions.map(([name], own): [B, Stream<K, V>] => [
      name,
      chosen.#stateless<V>('filter', ({ value: { branch, value } }, emit) => {
        if (branch === own) emit(value);
      }),
    ]);
    return Object.fromEntries(streams) as { [N in B]: Stream<K, V> };
  }

  /** The records of both, in the order in which those behind them were read. */
  merge(...others: readonly Stream<K, V>[]): Stream<K, V> {
    const name = this.builder.nextName('merge');
    this.builder.add({ kind: 'merge', name, inputs: [this.from, ...others.map(({ from }) => from)] });
    return new Stream(this.builder, this.key, { node: name, output: 'out' });
  }

  /** Sends the records through a repartition topic, so that those of one new key meet in one task. */
  keyBy<K2 = string>(
    name: string,
    keyOf: (value: V, key: K) => K2,
    options: KeyByOptions<K2, V> & KeyOption<K2>,
  ): Stream<K2, V> {
    return this.builder.repartition(
      name,
      this.from,
      ({ value, key }: FlowRecord<K, V>) => keyOf(value, key),
      options,
    );
  }

  /** Writes the records to a topic of yours and goes on with what is read from there. */
  through(topic: Topic<K, V>): Stream<K, V> {
    this.to(topic, { heartbeat: true });
    return this.builder.readBack(topic.name, topic, this.from);
  }

  /** Folds the records of each key into a state. */
  aggregate<S>(name: string, options: AggregateOptions<K, V, S> & { readonly emit?: Emission }): Table<K, S> {
    const { records } = this.builder.process(name, aggregateSpec(name, this.key, options), { records: this });
    const all = new Stream<K, S>(this.builder, this.key, records.from);
    const { from } = options.emit === 'per-commit' ? all.lastPerCommit() : all;
    return new Table(this.builder, this.key, options.value, from);
  }

  /** Combines the values of each key; the first is the state. Null removes it. */
  reduce(
    name: string,
    combine: (state: NonNullable<V>, value: NonNullable<V>) => NonNullable<V> | null,
    options: { readonly value: Serde<NonNullable<V>>; readonly emit?: Emission },
  ): Table<K, NonNullable<V>> {
    return this.aggregate<NonNullable<V>>(name, {
      ...options,
      initial: () => undefined as unknown as NonNullable<V>,
      add: (state, { value }) => (state === undefined ? value : combine(state, value)),
    });
  }

  /** Counts the records of each key. */
  count(
    name: string,
    options: { readonly value: Serde<number>; readonly emit?: Emission },
  ): Table<K, number> {
    return this.aggregate(name, { ...options, initial: () => 0, add: (count) => count + 1 });
  }

  /** Folds the records of each key window by window. */
  windowed<W extends Window>(window: W): WindowedStream<K, V, W> {
    return new WindowedStream(this, window);
  }

  /**
   * Joins each record with the table's row of the same key: as the table stands when the record is read, or, where it
   * is versioned, as it was at the record's time. With `graceMs` the record waits that long for late changes of a
   * versioned table.
   */
  join<T, R>(
    name: string,
    table: Table<K, T>,
    join: Joiner<NonNullable<V>, T, R>,
    options?: StreamTableJoinOptions<NonNullable<V>>,
  ): Stream<K, R> {
    const spec = streamTableSpec(name, table, this.key, join, options);
    const stream = this as unknown as Stream<K, NonNullable<V>>;
    const { joined } = this.builder.process(name, spec, { table: table.toStream(), stream });
    return new Stream(this.builder, this.key, joined.from);
  }

  /**
   * Joins each record with the row of a global table whose key is chosen from the record. A record that names none (null),
   * or one that is not there, is left out; the former is counted as dropped.
   */
  joinGlobal<K2, T, R>(
    name: string,
    table: GlobalTable<K2, T>,
    keyOf: GlobalKeyOf<K, NonNullable<V>, K2>,
    join: (left: NonNullable<V>, right: T) => R,
  ): Stream<K, R> {
    return this.#joinGlobal(name, table, 'inner', keyOf, join as never);
  }

  /** As `joinGlobal`, and the records that name no row, or one that is not there, with null. */
  leftJoinGlobal<K2, T, R>(
    name: string,
    table: GlobalTable<K2, T>,
    keyOf: GlobalKeyOf<K, NonNullable<V>, K2>,
    join: (left: NonNullable<V>, right: T | null) => R,
  ): Stream<K, R> {
    return this.#joinGlobal(name, table, 'left', keyOf, join);
  }

  /** The pairs of records of one key whose times lie within the window of each other; the later time is the pair's. */
  joinStream<V2, R>(
    name: string,
    other: Stream<K, V2>,
    options: StreamJoinOptions<
      NonNullable<V>,
      NonNullable<V2>,
      (left: NonNullable<V>, right: NonNullable<V2>) => R
    >,
  ): Stream<K, R> {
    return this.#joinStream(name, other, 'inner', options as never);
  }

  /** As `joinStream`, and each record of this stream that met none, alone, when its window has closed. */
  leftJoinStream<V2, R>(
    name: string,
    other: Stream<K, V2>,
    options: StreamJoinOptions<
      NonNullable<V>,
      NonNullable<V2>,
      (left: NonNullable<V>, right: NonNullable<V2> | null) => R
    >,
  ): Stream<K, R> {
    return this.#joinStream(name, other, 'left', options as never);
  }

  /** As `joinStream`, and each record of either stream that met none, alone, when its window has closed. */
  outerJoinStream<V2, R>(
    name: string,
    other: Stream<K, V2>,
    options: StreamJoinOptions<
      NonNullable<V>,
      NonNullable<V2>,
      (left: NonNullable<V> | null, right: NonNullable<V2> | null) => R
    >,
  ): Stream<K, R> {
    return this.#joinStream(name, other, 'outer', options);
  }

  /** As `joinStream` of the stream with itself, each record with itself included. */
  selfJoin<R>(
    name: string,
    options: JoinWindow & {
      readonly value: Serde<NonNullable<V>>;
      readonly join: (left: NonNullable<V>, right: NonNullable<V>) => R;
    },
  ): Stream<K, R> {
    const records = this as unknown as Stream<K, NonNullable<V>>;
    const { joined } = this.builder.process(name, selfJoinSpec(checkedKey(this.key, name), options), {
      records,
    });
    return new Stream(this.builder, this.key, joined.from);
  }

  /** The newest value of each key; null removes it. */
  toTable(value: Serde<NonNullable<V>>): Table<K, NonNullable<V>> {
    return new Table(this.builder, this.key, value, this.from);
  }

  /** The same records; `key` writes what a processor has emitted as their keys. */
  withKey(key: KeySerde<K>): Stream<K, V> {
    return new Stream(this.builder, key, this.from);
  }

  /** The last record of each key of every commit. */
  lastPerCommit(): Stream<K, V> {
    const name = this.builder.nextName('last-per-key');
    const keyOf = (record: FlowRecord) => textOf(this.key, record.key as K, name);
    this.builder.add({ kind: 'last-per-key', name, input: this.from, keyOf });
    return new Stream(this.builder, this.key, { node: name, output: 'out' });
  }

  /** Writes the records to a topic; where it is compacted, one without a key goes to the dead letters. */
  to(topic: Topic<K, V>, options: SinkOptions = {}): void {
    if (topic === undefined) throw invalid('a stream is written to no topic');
    const { partitioning = 'by-key', heartbeat = false } = options;
    const name = this.builder.sinkName(topic.name, heartbeat);
    this.builder.add({
      kind: 'sink',
      name,
      input: this.from,
      topic,
      keyOf: (record) => (record.key === null ? null : textOf(topic.key, record.key as K, name)),
      value: topic.value as Serde<unknown>,
      partitioning,
      heartbeat,
      nullKeys: topic.cleanup.policy === 'compact' ? 'reject' : 'keep',
    });
  }

  #joinStream<V2, R>(
    name: string,
    other: Stream<K, V2>,
    type: StreamJoinType,
    options: StreamJoinOptions<
      NonNullable<V>,
      NonNullable<V2>,
      (left: NonNullable<V> | null, right: NonNullable<V2> | null) => R
    >,
  ): Stream<K, R> {
    const left = this as unknown as Stream<K, NonNullable<V>>;
    const right = other as unknown as Stream<K, NonNullable<V2>>;
    const { joined } = this.builder.process(name, streamJoinSpec(checkedKey(this.key, name), type, options), {
      left,
      right,
    });
    return new Stream(this.builder, this.key, joined.from);
  }

  #joinGlobal<K2, T, R>(
    name: string,
    table: GlobalTable<K2, T>,
    type: 'inner' | 'left',
    keyOf: GlobalKeyOf<K, NonNullable<V>, K2>,
    join: (left: NonNullable<V>, right: T | null) => R,
  ): Stream<K, R> {
    this.builder.add(globalJoinNode(name, this.from, table, type, keyOf, join));
    return new Stream(this.builder, this.key, { node: name, output: 'out' });
  }

  #stateless<R>(
    operator: string,
    apply: (record: FlowRecord<K, V>, emit: (value: R) => void, name: string) => void,
  ): Stream<K, R> {
    const name = this.builder.nextName(operator);
    this.builder.add({
      kind: 'stateless',
      name,
      input: this.from,
      apply: (record, emit) => apply(record as FlowRecord<K, V>, emit, name),
    });
    return new Stream(this.builder, this.key, { node: name, output: 'out' });
  }
}
