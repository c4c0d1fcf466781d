import type { FlowRecord } from '../operators/record.ts';
import { checkedKey } from '../operators/record-checks.ts';
import { type KeySerde, type Serde, type Topic, textKey } from '../serde.ts';
import type { TopologyBuilder } from './builder.ts';
import {
  answerSerde,
  answerSpec,
  checkedForeignKey,
  type ForeignKeyOf,
  resultSpec,
  subscribeSpec,
  subscriptionSerde,
} from './joins/foreign-key.ts';
import { inOrderSpec } from './joins/in-order.ts';
import { type TableJoinType, tableJoinSpec } from './joins/table-table.ts';
import type { Outlet } from './node.ts';
import type { SinkOptions, Stream } from './stream.ts';
import { type GroupOf, groupSpec } from './tables/group.ts';
import { type GroupArguments, GroupedTable } from './tables/grouped-table.ts';
import { rowChangeSerde } from './tables/row-change.ts';
import { type SuppressOptions, suppressSpec } from './windows/suppress.ts';
import { delayedKey, joinedKey } from './windows/windowed-key.ts';

/**
 * A table under declaration: for each key the newest value. It travels as a stream of upserts, where null removes
 * the row; an operator that needs rows as they were keeps a copy of its own.
 */
export class Table<K, V> {
  readonly builder: TopologyBuilder;
  readonly key: KeySerde<K>;
  readonly value: Serde<V>;
  readonly from: Outlet;
  /** The source topic that the rows come from unchanged: a copy of them needs no changelog. */
  readonly topic: string | undefined;
  /** How far back joins can read the table; undefined where it has no history. */
  readonly historyMs: number | undefined;

  constructor(
    builder: TopologyBuilder,
    key: KeySerde<K>,
    value: Serde<V>,
    from: Outlet,
    topic: string | undefined = undefined,
    historyMs: number | undefined = undefined,
  ) {
    this.builder = builder;
    this.key = key;
    this.value = value;
    this.from = from;
    this.topic = topic;
    this.historyMs = historyMs;
  }

  /** The changes as a stream; null where a row goes. */
  toStream(): Stream<K, V | null> {
    return this.builder.streamFrom(this.key, this.from);
  }

  /** Writes the changes to a topic; a row that goes, as a tombstone. */
  to(topic: Topic<K, V>, options: SinkOptions = {}): void {
    (this.toStream() as Stream<K, V>).to(topic, options);
  }

  /** Another value for each row, written by `value`. */
  map<R>(apply: (value: V, key: K) => R, value: Serde<R>): Table<K, R> {
    const mapped = this.toStream().map((row, { key }) => (row === null ? null : apply(row, key)));
    return new Table(this.builder, this.key, value, mapped.from, undefined, this.historyMs);
  }

  /** The rows that pass; one that no longer does is removed. */
  filter(keep: (value: V, key: K) => boolean): Table<K, V> {
    const kept = this.toStream().map((row, { key }) => (row !== null && keep(row, key) ? row : null));
    return new Table(this.builder, this.key, this.value, kept.from, undefined, this.historyMs);
  }

  /** The rows in groups, each group's in one task; null leaves a row out, and counts it as dropped. */
  groupBy<G = string>(
    name: string,
    groupOf: GroupOf<K, V, G>,
    ...[options = {}]: GroupArguments<G, V>
  ): GroupedTable<G, V> {
    const { builder } = this;
    const { value = this.value, key = textKey as unknown as KeySerde<G> } = options;
    const table = this.#inOrder(`${name}-changes`);
    const spec = groupSpec(name, table, key, groupOf);
    const { changes, refused } = builder.process(`${name}-rows`, spec, { table: table.toStream() });
    this.#refuse(`${name}-refused`, refused);
    const grouped = builder.repartition(name, changes.from, (change: FlowRecord<G>) => change.key, {
      ...options,
      key,
      value: rowChangeSerde(value),
    });
    return new GroupedTable(grouped, value, (rows, from) => new Table(builder, key, rows, from));
  }

  /** Holds changes back until a row's window has closed, or for a time; the last one of the row goes out then. */
  suppress(name: string, options: SuppressOptions): Table<K, V> {
    const spec = suppressSpec(checkedKey(this.key, name), this.value, options);
    const { changes } = this.builder.process(name, spec, { changes: this.toStream() });
    const key = 'forMs' in options ? delayedKey(this.key, options.forMs) : this.key;
    return new Table(this.builder, key, this.value, changes.from);
  }

  /**
   * The table with a history: a join with a stream reads it as of the record's time; in joins with tables and in groups a
   * change that is older than its row's newest one has no effect. `map` and `filter` keep it; `suppress` and `lastPerCommit`, which
   * leave changes out, give tables without. `historyMs` is event time, counted from each row's newest change.
   */
  versioned({ historyMs }: { readonly historyMs: number }): Table<K, V> {
    return new Table(this.builder, this.key, this.value, this.from, this.topic, historyMs);
  }

  /** The pairs of rows of one key, where both are there. */
  join<V2, R>(
    name: string,
    other: Table<K, V2>,
    join: (left: V, right: V2) => R,
    options: { readonly value: Serde<R> },
  ): Table<K, R> {
    return this.#joinTable(name, other, 'inner', join as never, options.value);
  }

  /** As `join`, and the rows of this table that have no counterpart. */
  leftJoin<V2, R>(
    name: string,
    other: Table<K, V2>,
    join: (left: V, right: V2 | null) => R,
    options: { readonly value: Serde<R> },
  ): Table<K, R> {
    return this.#joinTable(name, other, 'left', join as never, options.value);
  }

  /** As `join`, and the rows of either table that have no counterpart. */
  outerJoin<V2, R>(
    name: string,
    other: Table<K, V2>,
    join: (left: V | null, right: V2 | null) => R,
    options: { readonly value: Serde<R> },
  ): Table<K, R> {
    return this.#joinTable(name, other, 'outer', join, options.value);
  }

  /**
   * The rows of this table with the right row that each one names; rows that name none (null), or one that is not
   * there, are left out. `foreignKeyOf` gives the right key's text, and depends on the row alone.
   */
  joinForeignKey<K2, V2, R>(
    name: string,
    right: Table<K2, V2>,
    foreignKeyOf: ForeignKeyOf<K, V>,
    join: (left: V, right: V2) => R,
    options: { readonly value: Serde<R> },
  ): Table<K, R> {
    return this.#joinForeignKey(name, right, foreignKeyOf, 'inner', join as never, options.value);
  }

  /** As `joinForeignKey`, and the rows that name none, or one that is not there, with null. */
  leftJoinForeignKey<K2, V2, R>(
    name: string,
    right: Table<K2, V2>,
    foreignKeyOf: ForeignKeyOf<K, V>,
    join: (left: V, right: V2 | null) => R,
    options: { readonly value: Serde<R> },
  ): Table<K, R> {
    return this.#joinForeignKey(name, right, foreignKeyOf, 'left', join, options.value);
  }

  /** The last change of each row of every commit. */
  lastPerCommit(): Table<K, V> {
    const { key, from } = this.toStream().lastPerCommit();
    return new Table(this.builder, key, this.value, from);
  }

  #joinTable<V2, R>(
    name: string,
    other: Table<K, V2>,
    type: TableJoinType,
    join: (left: V | null, right: V2 | null) => R,
    value: Serde<R>,
  ): Table<K, R> {
    const left = this.#inOrder(`${name}-left`).toStream();
    const right = other.#inOrder(`${name}-right`).toStream();
    const spec = tableJoinSpec(name, this, other, type, join);
    const { joined } = this.builder.process(name, spec, { arriving: right, left, right });
    return new Table(this.builder, joinedKey(this.key, other.key), value, joined.from);
  }

  #joinForeignKey<K2, V2, R>(
    name: string,
    other: Table<K2, V2>,
    foreignKeyOf: ForeignKeyOf<K, V>,
    type: 'inner' | 'left',
    join: (left: V, right: V2 | null) => R,
    value: Serde<R>,
  ): Table<K, R> {
    const { builder } = this;
    const left = this.#inOrder(`${name}-left`);
    const right = other.#inOrder(`${name}-right`);
    const changes = left.toStream();
    const named = checkedForeignKey(name, foreignKeyOf);
    const subscribe = subscribeSpec(checkedKey(this.key, name), named);
    const subscribed = builder.process(`${name}-subscribe`, subscribe, { left: changes });
    this.#refuse(`${name}-subscribe-refused`, subscribed.refused);
    const subscriptions = builder.repartition(
      `${name}-subscriptions`,
      subscribed.subscriptions.from,
      ({ key }: FlowRecord<string>) => key,
      { value: subscriptionSerde, partitions: builder.partitionsAt(right.from), role: 'table' },
    );
    const { answers } = builder.process(`${name}-answer`, answerSpec(name, right, type), {
      right: right.toStream(),
      subscriptions,
    });
    const answered = builder.repartition(
      `${name}-answers`,
      answers.from,
      ({ key }: FlowRecord<string>) => key,
      { value: answerSerde(right.value), partitions: builder.partitionsAt(left.from), role: 'table' },
    );
    const spec = resultSpec<K, V, V2, R>(name, left, named, type, join);
    const { joined, refused } = builder.process(name, spec, { left: changes, answers: answered });
    this.#refuse(`${name}-refused`, refused);
    return new Table(builder, this.key, value, joined.from);
  }

  /** Sends the causes of errors to the dead letters: for what a processor takes in nevertheless. */
  #refuse(name: string, { from: input }: Stream<K, unknown>): void {
    this.builder.add({
      kind: 'stateless',
      name,
      input,
      apply: ({ value: error }) => {
        throw error;
      },
    });
  }

  /** The table without changes of the past, where it has a history. */
  #inOrder(name: string): Table<K, V> {
    if (this.historyMs === undefined) return this;
    const spec = inOrderSpec<K, V>(checkedKey(this.key, name), this.historyMs);
    const { changes } = this.builder.process(name, spec, { changes: this.toStream() });
    return new Table(this.builder, this.key, this.value, changes.from);
  }
}
