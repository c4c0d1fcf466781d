import type { KeySerde, Serde, Topic } from '../serde.ts';
import type { TopologyBuilder } from './builder.ts';
import type { Outlet } from './node.ts';
import { type SinkOptions, Stream } from './stream.ts';

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

  constructor(
    builder: TopologyBuilder,
    key: KeySerde<K>,
    value: Serde<V>,
    from: Outlet,
    topic: string | undefined = undefined,
  ) {
    this.builder = builder;
    this.key = key;
    this.value = value;
    this.from = from;
    this.topic = topic;
  }

  /** The changes as a stream; null where a row goes. */
  toStream(): Stream<K, V | null> {
    return new Stream(this.builder, this.key, this.from);
  }

  /** Writes the changes to a topic; a row that goes, as a tombstone. */
  to(topic: Topic<K, V>, options: SinkOptions = {}): void {
    (this.toStream() as Stream<K, V>).to(topic, options);
  }

  /** Another value for each row, written by `value`. */
  map<R>(apply: (value: V, key: K) => R, value: Serde<R>): Table<K, R> {
    const mapped = this.toStream().map((row, { key }) => (row === null ? null : apply(row, key)));
    return new Table(this.builder, this.key, value, mapped.from);
  }

  /** The rows that pass; one that no longer does is removed. */
  filter(keep: (value: V, key: K) => boolean): Table<K, V> {
    const kept = this.toStream().map((row, { key }) => (row !== null && keep(row, key) ? row : null));
    return new Table(this.builder, this.key, this.value, kept.from);
  }

  /** The last change of each row of every commit. */
  lastPerCommit(): Table<K, V> {
    return new Table(this.builder, this.key, this.value, this.toStream().lastPerCommit().from);
  }
}
