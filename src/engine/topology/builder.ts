import type { TopicSpec } from '../log/port.ts';
import type { FlowRecord } from '../operators/record.ts';
import { type KeySerde, type Serde, type Topic, textKey } from '../serde.ts';
import { dueSerde } from '../store/timer-queue.ts';
import { type AggregateOptions, aggregateSpec } from './aggregate.ts';
import { type Joiner, joinSpec } from './join.ts';
import type { Node, Outlet, ProcessorNode, WatermarkPolicy } from './node.ts';
import type { KeyOf, Ports, ProcessorSpec, StoreSpecs, ValueOf } from './processor.ts';
import { invalid, type StoreDefinition, splitIntoSubTopologies, TIMERS, type Topology } from './topology.ts';

const DAY_MS = 86_400_000;
const TOMBSTONE_RETENTION_MS = DAY_MS;
/** Repartition topics are read at once by their own topology; this is what a stopped one may lag behind. */
const REPARTITION_RETENTION_MS = 7 * DAY_MS;

export type SourceOptions = { readonly watermark?: WatermarkPolicy };

export type KeyByOptions<K2, V> = {
  readonly value: Serde<V>;
  readonly key?: KeySerde<K2>;
  readonly partitions?: number;
  readonly release?: 'on-arrival' | 'at-watermark';
};

/**
 * Declares a topology. State and repartition topics are named by the caller, since topology, generation and name
 * make up the names of stores, changelogs and topics: adding an operator never renames another's state, and a new
 * generation is built beside the old one.
 */
export class TopologyBuilder {
  readonly #name: string;
  readonly #generation: number;
  readonly #nodes = new Map<string, Node>();
  readonly #internal: TopicSpec[] = [];

  constructor(options: { readonly name: string; readonly generation: number }) {
    this.#name = options.name;
    this.#generation = options.generation;
  }

  /** A stream of a topic's records. The watermark of an outside topic follows its newest timestamp. */
  source<K, V>(topic: Topic<K, V>, options: SourceOptions = {}): Stream<K, V> {
    const watermark = options.watermark ?? { outOfOrderMs: 0 };
    this.add({ kind: 'source', name: topic.name, topic, role: 'stream', watermark, release: 'on-arrival' });
    return new Stream(this, topic.key, { node: topic.name, output: 'out' });
  }

  /** A compacted topic as a table: the newest value of each key. */
  table<K, V>(topic: Topic<K, V>): Table<K, V> {
    this.add({
      kind: 'source',
      name: topic.name,
      topic,
      role: 'table',
      watermark: { outOfOrderMs: 0 },
      release: 'on-arrival',
    });
    return { topic, from: { node: topic.name, output: 'out' } };
  }

  /** Connects a processor; its outputs are the returned streams. */
  process<I extends Ports, O extends Ports, S extends StoreSpecs>(
    name: string,
    spec: ProcessorSpec<I, O, S>,
    inputs: { readonly [P in keyof I]: Stream<KeyOf<I[P]>, ValueOf<I[P]>> },
  ): { readonly [P in keyof O]: Stream<KeyOf<O[P]>, ValueOf<O[P]>> } {
    const connected = Object.keys(spec.inputs).map((name): readonly [string, Outlet] => {
      const stream: Stream<unknown, unknown> | undefined = inputs[name];
      if (stream === undefined) throw invalid(`input ${name} is not connected`);
      return [name, stream.from];
    });
    this.#addProcessor(name, spec, connected);
    const outputs = Object.keys(spec.outputs).map((output) => [
      output,
      new Stream(this, textKey as KeySerde<unknown>, { node: name, output }),
    ]);
    return Object.fromEntries(outputs);
  }

  /** The finished topology. Errors: MR_TOPOLOGY_INVALID. */
  build(): Topology {
    const nodes = [...this.#nodes.values()];
    const subTopologies = splitIntoSubTopologies(nodes, (node) => this.#storesOf(node));
    const external = new Set(this.#internal.map((topic) => topic.name));
    const changelogs = subTopologies.flatMap(({ stores, partitions }) =>
      stores
        .filter(
          (store) => store.logged && store.spec.changelog === undefined && !external.has(store.changelog),
        )
        .map(
          ({ changelog }): TopicSpec => ({
            name: changelog,
            partitions,
            cleanup: { policy: 'compact', tombstoneRetentionMs: TOMBSTONE_RETENTION_MS },
          }),
        ),
    );
    return {
      name: this.#name,
      generation: this.#generation,
      subTopologies,
      internalTopics: [...this.#internal, ...changelogs],
    };
  }

  add(node: Node): void {
    if (!/^[a-z][a-z0-9-]*$/.test(node.name)) {
      throw invalid(`${JSON.stringify(node.name)} is no name: lower-case letters, digits and hyphens`);
    }
    if (this.#nodes.has(node.name)) throw invalid(`two nodes are named ${node.name}`);
    this.#nodes.set(node.name, node);
  }

  /** A name for a node that holds no state. */
  nextName(operator: string): string {
    return `${operator}-${this.#nodes.size + 1}`;
  }

  join<K, V, T, R>(
    name: string,
    left: Stream<K, V>,
    table: Table<K, T>,
    join: Joiner<V, T, R>,
  ): Stream<K, R> {
    const spec = joinSpec(table.topic, left.key, join);
    this.#addProcessor(name, spec, [
      ['table', table.from],
      ['stream', left.from],
    ]);
    return new Stream(this, left.key, { node: name, output: 'joined' });
  }

  keyBy<K, V, K2>(
    name: string,
    from: Stream<K, V>,
    keyOf: KeyOfRecord<K, V, K2>,
    options: KeyByOptions<K2, V>,
  ): Stream<K2, V> {
    const key = options.key ?? (textKey as unknown as KeySerde<K2>);
    const topic: Topic<K2, V> = {
      name: `${this.#prefix()}-${name}-repartition`,
      partitions: options.partitions ?? this.#partitionsAt(from.from),
      cleanup: { policy: 'delete', retentionMs: REPARTITION_RETENTION_MS },
      key,
      value: options.value,
    };
    this.#internal.push({ name: topic.name, partitions: topic.partitions, cleanup: topic.cleanup });
    this.add({
      kind: 'sink',
      name: `${name}-sink`,
      input: from.from,
      topic,
      keyOf: (record) => key.toText(keyOf(record.value as V, record.key as K)),
      value: options.value as Serde<unknown>,
      partitioning: 'by-key',
      heartbeat: true,
    });
    const release = options.release ?? 'on-arrival';
    this.add({ kind: 'source', name, topic, role: 'stream', watermark: 'carried', release });
    return new Stream(this, key, { node: name, output: 'out' });
  }

  #addProcessor<I extends Ports, O extends Ports, S extends StoreSpecs>(
    name: string,
    spec: ProcessorSpec<I, O, S>,
    inputs: ProcessorNode['inputs'],
  ): void {
    this.add({ kind: 'processor', name, inputs, spec: spec as unknown as ProcessorNode['spec'] });
  }

  #storesOf(node: ProcessorNode): StoreDefinition[] {
    const specs = Object.entries(node.spec.stores);
    if (node.spec.onTimer !== undefined) specs.push([TIMERS, { value: dueSerde }]);
    return specs.map(([store, spec]) => ({
      name: `${node.name}/${store}`,
      spec,
      changelog: spec.copyOf ?? spec.changelog?.name ?? `${this.#prefix()}-${node.name}-${store}-changelog`,
      logged: spec.copyOf === undefined,
    }));
  }

  #prefix(): string {
    return `${this.#name}-${this.#generation}`;
  }

  #partitionsAt(outlet: Outlet): number {
    let node = this.#nodes.get(outlet.node);
    while (node !== undefined && node.kind !== 'source') {
      const upstream: Outlet | undefined = node.kind === 'processor' ? node.inputs[0]?.[1] : node.input;
      node = upstream === undefined ? undefined : this.#nodes.get(upstream.node);
    }
    if (node === undefined) throw invalid(`${outlet.node} has no source`);
    return node.topic.partitions;
  }
}

export type Table<K, V> = { readonly topic: Topic<K, V>; readonly from: Outlet };

type KeyOfRecord<K, V, K2> = (value: V, key: K) => K2;

/** A stream of records under declaration. Each operator returns a new one. */
export class Stream<K, V> {
  readonly key: KeySerde<K>;
  readonly from: Outlet;
  readonly #builder: TopologyBuilder;
  /** Never set: makes the value's type part of the stream's. */
  declare readonly valueType: V;

  constructor(builder: TopologyBuilder, key: KeySerde<K>, from: Outlet) {
    this.#builder = builder;
    this.key = key;
    this.from = from;
  }

  map<R>(apply: (value: V, record: FlowRecord<K, V>) => R): Stream<K, R> {
    return this.#stateless('map', (record, emit) => emit(apply(record.value, record)));
  }

  filter(keep: (value: V, record: FlowRecord<K, V>) => boolean): Stream<K, V> {
    return this.#stateless('filter', (record, emit) => {
      if (keep(record.value, record)) emit(record.value);
    });
  }

  flatMap<R>(apply: (value: V, record: FlowRecord<K, V>) => Iterable<R>): Stream<K, R> {
    return this.#stateless('flat-map', (record, emit) => {
      for (const value of apply(record.value, record)) emit(value);
    });
  }

  /** Sends the records through a repartition topic, so that those of one new key meet in one task. */
  keyBy<K2 = string>(
    name: string,
    keyOf: KeyOfRecord<K, V, K2>,
    options: KeyByOptions<K2, V>,
  ): Stream<K2, V> {
    return this.#builder.keyBy(name, this, keyOf, options);
  }

  /** Folds the records of each key into a state; emits the state after every record. */
  aggregate<S>(name: string, options: AggregateOptions<K, V, S>): Stream<K, S> {
    const { records } = this.#builder.process(name, aggregateSpec(this.key, options), { records: this });
    return new Stream(this.#builder, this.key, records.from);
  }

  /** Joins each record with the table's row of the same key, as the table stands when the record is read. */
  join<T, R>(name: string, table: Table<K, T>, join: Joiner<V, T, R>): Stream<K, R> {
    return this.#builder.join(name, this, table, join);
  }

  /** Writes the records to a topic. `partitioning: 'same'` keeps the partition that they were read from. */
  to(topic: Topic<K, V>, options: { partitioning?: 'by-key' | 'same'; heartbeat?: boolean } = {}): void {
    this.#builder.add({
      kind: 'sink',
      name: `${topic.name}-sink`,
      input: this.from,
      topic,
      keyOf: (record) => topic.key.toText(record.key as K),
      value: topic.value as Serde<unknown>,
      partitioning: options.partitioning ?? 'by-key',
      heartbeat: options.heartbeat ?? false,
    });
  }

  #stateless<R>(
    operator: string,
    apply: (record: FlowRecord<K, V>, emit: (value: R) => void) => void,
  ): Stream<K, R> {
    const name = this.#builder.nextName(operator);
    this.#builder.add({
      kind: 'stateless',
      name,
      input: this.from,
      apply: (record, emit) => apply(record as FlowRecord<K, V>, emit),
    });
    return new Stream(this.#builder, this.key, { node: name, output: 'out' });
  }
}
