import { type Header, openSimulatedLog, type SimulatedLog } from '#log';
import { type Clock, createLogger, createMetrics, InputError, type Logger, systemClock } from '#platform';
import { type DeadLetter, deadLetterTopic } from '../dead-letter-topic.ts';
import { localTasks } from '../queries/local-tasks.ts';
import type { QueryOptions, StoreQuery } from '../queries/query.ts';
import { type StoreAnswer, StoreQueries } from '../queries/store-queries.ts';
import type { Topic } from '../serde.ts';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { DatabaseProvider } from '../store/port.ts';
import type { RecordErrorPolicy } from '../task/dead-letters.ts';
import { StreamsRuntime } from '../task/runtime.ts';
import { type EngineReport, reportOf } from '../task/status/status.ts';
import { TopicReader, type TopicRecord } from '../topic-reader.ts';
import { TopicWriter } from '../topic-writer.ts';
import type { Topology } from '../topology/topology.ts';
import { withFrozenStates } from './frozen-states.ts';

/** Wall time that stands still until it is set; whoever sleeps on it wakes at once. */
class HandClock implements Clock {
  #now: number;

  constructor(startMs: number) {
    this.#now = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now;
  }

  /** Wakes at once, but lets whatever is ready go first: somebody may sleep until it has happened. */
  sleep(): Promise<void> {
    return new Promise((resolve) => setImmediate(resolve));
  }

  advance(ms: number): void {
    this.#now += ms;
  }
}

export type DriverOptions = {
  /** Wall-clock time at the start. */
  readonly wallClockMs?: number;
  /** Records that a task takes at a time: 1 shows each record's own effect. */
  readonly batchRecords?: number;
  readonly onRecordError?: RecordErrorPolicy;
  readonly cacheEntries?: number;
  /** Where stores are kept; in memory by default. */
  readonly databases?: DatabaseProvider;
  readonly logger?: Logger;
};

/** A record for `pipe`. */
export type PipedRecord<K, V> = readonly [
  key: K | null,
  value: V | null,
  timestamp: number,
  headers?: readonly Header[],
];

const INSTANCE = 'driver';

/** Creates the topics that the topology reads and writes, and declares it. */
type DeclareTopology = (log: SimulatedLog) => Topology | Promise<Topology>;

/**
 * Runs a topology in a test: the real tasks over a log in memory, with time moved by hand; no server, no
 * sleeping. `pipe` puts records in, `settle` lets them run through, `read`, `store` and `query` show what came of them.
 * The states of aggregates are frozen: one that is changed in place ends `settle` with MR_TOPOLOGY_INVALID.
 */
export class TopologyDriver {
  readonly log: SimulatedLog;
  readonly metrics = createMetrics();
  readonly #clock: HandClock;
  readonly #databases: DatabaseProvider;
  readonly #options: DriverOptions;
  readonly #topology: Topology;
  readonly #deadLetters: Topic<string, DeadLetter>;
  readonly #readers = new Map<string, TopicReader<unknown, unknown>>();
  readonly #queries: StoreQueries;
  #runtime: StreamsRuntime;

  private constructor(
    log: SimulatedLog,
    clock: HandClock,
    topology: Topology,
    deadLetters: Topic<string, DeadLetter>,
    options: DriverOptions,
  ) {
    this.log = log;
    this.#clock = clock;
    this.#topology = withFrozenStates(topology);
    this.#deadLetters = deadLetters;
    this.#options = options;
    this.#databases = options.databases ?? memoryDatabases();
    this.#runtime = this.#newRuntime();
    this.#queries = new StoreQueries({
      topology,
      memberId: INSTANCE,
      local: localTasks(() => this.#runtime),
      owners: () => new Map(),
      // The driver has all tasks.
      peers: { read: () => Promise.reject(new Error('there is no other process')) },
      clock: systemClock,
      patienceMs: 0,
    });
  }

  /** Opens a log in memory, lets `declare` make topics and topology, and starts. Errors: those of StreamsRuntime.start. */
  static async open(declare: DeclareTopology, options: DriverOptions = {}): Promise<TopologyDriver> {
    const clock = new HandClock(options.wallClockMs ?? 0);
    const log = openSimulatedLog({ clock, random: () => 0 });
    const deadLetters = await deadLetterTopic(log.registry);
    await log.createTopics([deadLetters]);
    const driver = new TopologyDriver(log, clock, await declare(log), deadLetters, options);
    await driver.#runtime.start();
    return driver;
  }

  /**
   * Appends records to a topic, in order; a null key belongs to nobody, a null value is a tombstone. Errors: those of
   * TopicWriter.write.
   */
  async pipe<K, V>(topic: Topic<K, V>, ...records: readonly PipedRecord<K, V>[]): Promise<void> {
    const writer = await TopicWriter.open(this.log, topic);
    try {
      await writer.write(
        records.map(([key, value, timestamp, headers = []]) => ({ key, value, timestamp, headers })),
      );
    } finally {
      await writer.close();
    }
  }

  /** Announces on every partition of a topic that nothing before `ms` will follow. */
  async announce<K, V>(topic: Topic<K, V>, ms: number): Promise<void> {
    const writer = await TopicWriter.open(this.log, topic);
    await writer.announce(ms);
    await writer.close();
  }

  /** Announces as much on every topic that the topology reads as a stream: event time goes on to `ms` everywhere. */
  async advanceEventTime(ms: number): Promise<void> {
    const { subTopologies, internalTopics } = this.#topology;
    const internal = new Set(internalTopics.map(({ name }) => name));
    const streams = subTopologies.flatMap(({ sources }) => sources.filter(({ role }) => role === 'stream'));
    const topics = new Map(streams.map(({ topic }) => [topic.name, topic]));
    for (const [name, topic] of topics) if (!internal.has(name)) await this.announce(topic, ms);
  }

  /** Moves the wall clock; what is due by it happens at the next `settle`. */
  advanceWallClock(ms: number): void {
    this.#clock.advance(ms);
  }

  /** Processes and commits until nothing is left to do. */
  async settle(): Promise<void> {
    await this.#runtime.runUntilCaughtUp(0);
  }

  /** What has been committed to a topic since the last call. */
  async read<K, V>(topic: Topic<K, V>): Promise<TopicRecord<K, V>[]> {
    let reader = this.#readers.get(topic.name) as TopicReader<K, V> | undefined;
    if (reader === undefined) {
      reader = await TopicReader.open(this.log, topic, { from: 'start' });
      this.#readers.set(topic.name, reader as TopicReader<unknown, unknown>);
    }
    const records: TopicRecord<K, V>[] = [];
    for await (const chunk of reader.untilEnd()) records.push(...chunk);
    return records;
  }

  /** What has gone to the dead letters since the last call. */
  readDeadLetters(): Promise<TopicRecord<string, DeadLetter>[]> {
    return this.read(this.#deadLetters);
  }

  /**
   * The committed entries of a store, over all tasks. Its name is the one in the topology's description,
   * `<processor>/<store>`. Errors: MR_QUERY_STORE_UNKNOWN where there is no such store; the message lists those there are.
   */
  async store<V>(name: string): Promise<Map<string, V>> {
    const known = this.#topology.subTopologies.flatMap(({ stores }) => stores.map((store) => store.name));
    if (!known.includes(name))
      throw new InputError(
        'MR_QUERY_STORE_UNKNOWN',
        `there is no store ${JSON.stringify(name)}; the topology has ${known.join(', ') || 'none'}`,
      );
    const entries = new Map<string, V>();
    for (const task of this.#runtime.tasks) {
      if (!task.digests().has(name)) continue;
      for await (const [key, value] of task.entries(name)) entries.set(key, value as V);
    }
    return entries;
  }

  /**
   * Asks a store (`<processor>/<store>`) for committed entries by key, prefix, range or window, as StoreQueries does for
   * a running topology.
   */
  query(store: string, query: StoreQuery, options: QueryOptions = {}): Promise<StoreAnswer> {
    return this.#queries.query(store, query, options);
  }

  /** The state of each task, with what has become of the records in its operators since it was opened. */
  report(): EngineReport {
    return reportOf(this.#runtime);
  }

  /** The rows of a global table, as far as it has been read. */
  async globalTable<K, V>(topic: Topic<K, V>): Promise<Map<string, V>> {
    const rows = new Map<string, V>();
    for await (const [key, row] of this.#runtime.globalTables.entries(topic.name)) rows.set(key, row as V);
    return rows;
  }

  /** Digests of all stores: `<task>:<processor>/<store>` to digest. */
  digests(): Map<string, string> {
    const all = this.#runtime.tasks.flatMap((task) =>
      Array.from(task.digests(), ([store, digest]) => [`${task.name}:${store}`, digest] as const),
    );
    return new Map(all);
  }

  /** Stops the tasks without a commit and starts them again; `keepStores: false` loses the local stores as well. */
  async restart({ keepStores }: { readonly keepStores: boolean }): Promise<void> {
    const { tasks, globalTables } = this.#runtime;
    const names = [...tasks.map((task) => task.name), ...globalTables.databases];
    await this.#runtime.close();
    if (!keepStores) for (const name of names) await this.#databases.destroy(name);
    this.#runtime = this.#newRuntime();
    await this.#runtime.start();
  }

  /** Stops without a commit and forgets the log. */
  async close(): Promise<void> {
    for (const reader of this.#readers.values()) await reader.close();
    await this.#runtime.close();
    await this.log.close();
  }

  #newRuntime(): StreamsRuntime {
    return new StreamsRuntime({
      cacheEntries: 1_000,
      batchRecords: 1_000,
      ...this.#options,
      log: this.log,
      topology: this.#topology,
      databases: this.#databases,
      clock: this.#clock,
      logger: this.#options.logger ?? createLogger({ level: 'error', name: 'driver' }),
      metrics: this.metrics,
      deadLetters: this.#deadLetters,
      instanceId: INSTANCE,
      commitIntervalMs: 0,
      // It is the only member, however far the wall clock is moved between two calls.
      sessionTimeoutMs: Number.MAX_SAFE_INTEGER,
    });
  }
}
