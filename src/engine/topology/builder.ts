import type { TopicSpec } from '#log';
import type { ConfigurationError } from '#platform';
import type { FlowRecord } from '../operators/record.ts';
import { textOf, undefinedOf } from '../operators/record-checks.ts';
import { type KeySerde, type Serde, type Topic, textKey } from '../serde.ts';
import { timerSerde } from '../store/timer-queue.ts';
import { ttlStoreName } from '../store/ttl.ts';
import { GlobalTable } from './joins/global-table.ts';
import {
  inputsOf,
  type Node,
  type Outlet,
  type ProcessorNode,
  type SourceNode,
  type WatermarkPolicy,
} from './node.ts';
import type { KeyOf, Ports, ProcessorSpec, StoreSpecs, ValueOf } from './processor.ts';
import { Stream } from './stream.ts';
import { Table } from './table.ts';
import { assertTimeFlows, type TimeKind, timeKindsOf } from './time.ts';
import {
  invalid,
  type StoreDefinition,
  splitIntoSubTopologies,
  TIMERS,
  type Topology,
  WALL_TIMERS,
} from './topology.ts';

/** State is found again by its names, so they are what topics may be named. */
const NAME = /^[a-z][a-z0-9-]*$/;
const NAME_RULE = 'lower-case letters, digits and hyphens, a letter first';
const STORE_NAME = /^[a-zA-Z][a-zA-Z0-9-]*$/;
const STORE_NAME_RULE = 'letters, digits and hyphens, a letter first';

const DAY_MS = 86_400_000;
export const TOMBSTONE_RETENTION_MS = DAY_MS;
/** As long as the journal: what a task has read there, verification reads again. */
const REPARTITION_RETENTION_MS = 90 * DAY_MS;

export type SourceOptions = {
  readonly watermark?: WatermarkPolicy;
  /** 'reject', the default, sends a record without a key to the dead letters; 'keep' hands it on with a null key. */
  readonly nullKeys?: 'reject' | 'keep';
  /**
   * 'reject', the default, sends a record without a value to the dead letters; 'keep' hands it on with a null value, as
   * `table` does. One that has neither key nor value carries the watermark, and nothing else.
   */
  readonly nullValues?: 'reject' | 'keep';
  /**
   * 'reject', the default, sends a record that lies further ahead of the wall clock than the watermark's `futureMs` to
   * the dead letters; 'pass' leaves the decision to a processor. A rebuild from the log rejects by the later clock.
   */
  readonly future?: 'reject' | 'pass';
};

/** Keys that are no text need a serde. */
export type KeyOption<K> = [K] extends [string | null]
  ? { readonly key?: KeySerde<K> }
  : { readonly key: KeySerde<K> };

export type KeyByOptions<K2, V> = {
  readonly value: Serde<V>;
  /** By default keys are text. */
  readonly key?: KeySerde<K2>;
  /** Partitions of the repartition topic; by default as many as the stream has. */
  readonly partitions?: number;
  /** 'at-watermark': a record is read when the watermark of the task's other streams has passed it. */
  readonly release?: 'on-arrival' | 'at-watermark';
};

type ReadBackOptions = Pick<KeyByOptions<unknown, unknown>, 'release'> & {
  readonly role?: SourceNode['role'];
  /** 'table': nobody's watermark waits for it. By default as where it comes from. */
  readonly time?: TimeKind;
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
  readonly #globalTables = new Set<string>();

  constructor(options: { readonly name: string; readonly generation: number }) {
    this.#name = options.name;
    this.#generation = options.generation;
    if (typeof options.name !== 'string' || !NAME.test(options.name))
      throw noName('the topology', options.name);
    if (!Number.isSafeInteger(options.generation) || options.generation < 0)
      throw invalid(`the generation of ${options.name} is a whole number, not ${String(options.generation)}`);
  }

  /** A stream of a topic's records. The watermark of an outside topic follows its newest timestamp. */
  source<K, V>(topic: Topic<K, V>, options: SourceOptions & { nullKeys: 'keep' }): Stream<K | null, V>;
  source<K, V>(topic: Topic<K, V>, options: SourceOptions & { nullValues: 'keep' }): Stream<K, V | null>;
  source<K, V>(topic: Topic<K, V>, options?: SourceOptions): Stream<K, V>;
  source<K, V>(topic: Topic<K, V>, options: SourceOptions = {}): Stream<K, V> {
    const {
      watermark = { outOfOrderMs: 0 },
      nullKeys = 'reject',
      nullValues = 'reject',
      future = 'reject',
    } = options;
    this.add({ ...sourceOf(topic), watermark, nullKeys, nullValues, future });
    return new Stream(this, topic.key, { node: topic.name, output: 'out' });
  }

  /** The records of an output. */
  streamFrom<K, V>(key: KeySerde<K>, from: Outlet): Stream<K, V> {
    return new Stream(this, key, from);
  }

  /** A compacted topic as a table: the newest value of each key. */
  table<K, V>(topic: Topic<K, V>): Table<K, V> {
    this.add({ ...sourceOf(topic), role: 'table', time: 'table' });
    return new Table(this, topic.key, topic.value, { node: topic.name, output: 'out' }, topic.name);
  }

  /** A topic as a table that every process holds whole. */
  globalTable<K, V>(topic: Topic<K, V>): GlobalTable<K, V> {
    if (typeof topic.name !== 'string' || !NAME.test(topic.name)) throw noName('a global table', topic.name);
    if (this.#globalTables.has(topic.name))
      throw invalid(`global table ${topic.name} is declared twice: use the same object for both`);
    this.#globalTables.add(topic.name);
    return new GlobalTable(topic);
  }

  /** Connects a processor; its outputs are the returned streams. */
  process<I extends Ports, O extends Ports, S extends StoreSpecs>(
    name: string,
    spec: ProcessorSpec<I, O, S>,
    inputs: { readonly [P in keyof I]: Stream<KeyOf<I[P]>, ValueOf<I[P]>> },
  ): { readonly [P in keyof O]: Stream<KeyOf<O[P]>, ValueOf<O[P]>> } {
    const connected = Object.keys(spec.inputs).map((name): readonly [string, Outlet] => {
      const stream = inputs[name] as Stream<unknown, unknown> | undefined;
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
    assertTimeFlows(subTopologies);
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

  /** For operators: adds a node of theirs. Errors: MR_TOPOLOGY_INVALID. */
  add(node: Node): void {
    if (typeof node.name !== 'string' || !NAME.test(node.name)) throw noName(`a ${node.kind}`, node.name);
    // What an operator derives from a name that it was not given.
    if (/(^|-)(undefined|null)(-|$)/.test(node.name)) throw noName(`a ${node.kind}`, undefined);
    const other = this.#nodes.get(node.name);
    if (other?.kind === 'source' && node.kind === 'source' && other.topic.name === node.topic.name)
      throw invalid(
        `${node.topic.name} is read twice: declare it once, and use the same stream or table for both`,
      );
    if (other !== undefined)
      throw invalid(`a ${other.kind} and a ${node.kind} are both named ${node.name}: names must be unique`);
    this.#nodes.set(node.name, node);
  }

  /** A name for a node that holds no state. */
  nextName(operator: string): string {
    return `${operator}-${this.#nodes.size + 1}`;
  }

  /** A name for one more sink of a topic: it holds no state. Errors: MR_TOPOLOGY_INVALID. */
  sinkName(topic: string, heartbeat: boolean): string {
    const name = `${topic}-sink`;
    const others = [...this.#nodes.values()].filter(
      (node) => node.kind === 'sink' && node.topic.name === topic,
    );
    if (others.length === 0) return name;
    if (heartbeat || others.some((node) => node.kind === 'sink' && node.heartbeat))
      throw invalid(`${topic} is written twice, with the watermark: merge the streams first`);
    return this.nextName(name);
  }

  /** Sends a stream through a repartition topic under the key that `keyOf` returns; null drops the record. */
  repartition<K, V, K2>(
    name: string,
    from: Outlet,
    keyOf: (record: FlowRecord<K, V>) => K2 | null,
    options: KeyByOptions<K2, V> & ReadBackOptions,
  ): Stream<K2, V> {
    const key = options.key ?? (textKey as unknown as KeySerde<K2>);
    const topic: Topic<K2, V> = {
      name: `${this.#prefix()}-${name}-repartition`,
      partitions: options.partitions ?? this.partitionsAt(from),
      cleanup: { policy: 'delete', retentionMs: REPARTITION_RETENTION_MS },
      key,
      value: options.value,
    };
    this.#internal.push({ name: topic.name, partitions: topic.partitions, cleanup: topic.cleanup });
    this.add({
      kind: 'sink',
      name: `${name}-sink`,
      input: from,
      topic,
      keyOf: (record) => {
        const next = keyOf(record as FlowRecord<K, V>);
        if (next === undefined) throw undefinedOf(name, record.key);
        return next === null ? null : textOf(key, next, name);
      },
      value: options.value as Serde<unknown>,
      partitioning: 'by-key',
      heartbeat: true,
      nullKeys: 'drop',
    });
    return this.readBack(name, topic, from, options);
  }

  /** Goes on with what a sink of this topology writes: the records of `from`, with the watermark that they had there. */
  readBack<K, V>(
    name: string,
    topic: Topic<K, V>,
    from: Outlet,
    options: ReadBackOptions = {},
  ): Stream<K, V> {
    const { release = 'on-arrival', role = 'stream' } = options;
    const time = options.time ?? timeKindsOf(this.#nodes.values()).get(from.node) ?? 'stream';
    this.add({ ...sourceOf(topic), name, role, time, release, watermark: 'carried', nullValues: 'keep' });
    return new Stream(this, topic.key, { node: name, output: 'out' });
  }

  /** Partitions of the sub-topology that an outlet belongs to. */
  partitionsAt(outlet: Outlet): number {
    const node = this.#nodes.get(outlet.node);
    if (node?.kind === 'source') return node.topic.partitions;
    const [upstream] = node === undefined ? [] : inputsOf(node);
    if (upstream === undefined) throw invalid(`${outlet.node} has no source`);
    return this.partitionsAt(upstream);
  }

  #addProcessor<I extends Ports, O extends Ports, S extends StoreSpecs>(
    name: string,
    spec: ProcessorSpec<I, O, S>,
    inputs: ProcessorNode['inputs'],
  ): void {
    if (spec.onWallTimer !== undefined && spec.dependsOnArrival !== true)
      throw invalid(`${name} has wall-clock timers: it must declare dependsOnArrival`);
    this.add({ kind: 'processor', name, inputs, spec: spec as unknown as ProcessorNode['spec'] });
  }

  #storesOf(node: ProcessorNode): StoreDefinition[] {
    const specs = Object.entries(node.spec.stores);
    for (const [store, { ttlMs, copyOf }] of Object.entries(node.spec.stores)) {
      if (ttlMs === undefined) continue;
      if (copyOf !== undefined || !(ttlMs > 0))
        throw invalid(
          `${node.name}/${store}: a time to live must be positive, and is not possible for a copy of a source`,
        );
      specs.push([ttlStoreName(store), { value: timerSerde, kind: 'timers' }]);
    }
    if (node.spec.onTimer !== undefined) specs.push([TIMERS, { value: timerSerde }]);
    if (node.spec.onWallTimer !== undefined) specs.push([WALL_TIMERS, { value: timerSerde }]);
    for (const [store] of specs) {
      if (!STORE_NAME.test(store)) throw noName(`a store of ${node.name}`, store, STORE_NAME_RULE);
      if (specs.filter(([other]) => other === store).length > 1)
        throw invalid(`${node.name} has two stores named ${store}: the engine keeps timers under that name`);
    }
    return specs.map(([store, spec]) => ({
      name: `${node.name}/${store}`,
      node: node.name,
      spec,
      changelog: spec.copyOf ?? spec.changelog?.name ?? `${this.#prefix()}-${node.name}-${store}-changelog`,
      logged: spec.copyOf === undefined,
    }));
  }

  #prefix(): string {
    return `${this.#name}-${this.#generation}`;
  }
}

function sourceOf<K, V>(topic: Topic<K, V>) {
  return {
    kind: 'source',
    name: topic.name,
    topic,
    role: 'stream',
    time: 'stream',
    watermark: { outOfOrderMs: 0 },
    release: 'on-arrival',
    nullKeys: 'reject',
    nullValues: 'reject',
    future: 'reject',
  } as const satisfies Node;
}

function noName(what: string, name: unknown, rule = NAME_RULE): ConfigurationError {
  return name === undefined || name === null
    ? invalid(`${what} has no name: state and its topics are found by name`)
    : invalid(`${what}: ${JSON.stringify(name)} is no name: ${rule}`);
}
