import type { Consumer, Log, RecordBatch } from '#log';
import { type Clock, createMetrics, errorCode, FatalError, type Logger } from '#platform';
import type { DeadLetter } from '../dead-letter-topic.ts';
import type { GlobalRows } from '../operators/global-join.ts';
import { type Topic, textKey } from '../serde.ts';
import { memoryDatabases } from '../store/memory/memory-database.ts';
import type { DatabaseProvider, DatabaseSnapshot } from '../store/port.ts';
import { decodeJournalEntry, type JournalEntry } from '../task/commit/journal-format.ts';
import { GlobalTables } from '../task/global/global-tables.ts';
import type { InputPartition } from '../task/input/input.ts';
import { Task } from '../task/task.ts';
import type { SubTopology } from '../topology/topology.ts';
import type { TaskSnapshot } from './snapshot.ts';
import type { StoresOnDisk, TaskCopy } from './stores-on-disk.ts';

export type ScratchOptions = {
  readonly log: Log;
  readonly logger: Logger;
  /** Where the copy is built; in memory when absent. */
  readonly scratch?: DatabaseProvider;
  /** Held against the copy. */
  readonly onDisk?: StoresOnDisk | undefined;
  /** Ends the work with its reason. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: VerifyProgress) => void;
};

/** How far the work on a task has come: offsets of its journal, or of its inputs where it is rebuilt from these. */
export type VerifyProgress = { readonly task: string; readonly done: number; readonly total: number };

/** Wall time as the live task had it. */
class RecordedClock implements Clock {
  wallNow = 0;

  now(): number {
    return this.wallNow;
  }

  monotonic(): number {
    return this.wallNow;
  }

  async sleep(): Promise<void> {}
}

const POLL_MS = 1_000;
const BUFFERED_RECORDS = 20_000;
const CACHE_ENTRIES = 100_000;
/** The scratch task journals as well: what it took is then compared in the same terms. */
const JOURNAL = 'scratch-journal';

/** Nobody has written down what a global table held: none of its rows, or those of now. */
export type ScratchGlobalTables = 'empty' | 'as-of-now';

/**
 * A second copy of a task, begun from nothing and fed by hand. It runs the real operators; what they write to topics is
 * discarded.
 */
export class ScratchTask implements TaskCopy {
  readonly task: Task;
  readonly #options: ScratchOptions;
  readonly #databases: DatabaseProvider;
  readonly #clock: RecordedClock;
  readonly #consumer: Consumer;
  readonly #globalTables: GlobalTables;
  /** Inputs that are being read. */
  readonly #reading: InputPartition[] = [];

  private constructor(
    task: Task,
    options: ScratchOptions,
    databases: DatabaseProvider,
    clock: RecordedClock,
    consumer: Consumer,
    globalTables: GlobalTables,
  ) {
    this.task = task;
    this.#options = options;
    this.#databases = databases;
    this.#clock = clock;
    this.#consumer = consumer;
    this.#globalTables = globalTables;
  }

  static async open(
    subTopology: SubTopology,
    partition: number,
    options: ScratchOptions,
    globals: ScratchGlobalTables,
  ): Promise<ScratchTask> {
    const databases = options.scratch ?? memoryDatabases();
    const clock = new RecordedClock();
    await databases.destroy(`${subTopology.name}-${partition}`);
    const consumer = await options.log.consumer();
    const metrics = createMetrics();
    const shared = { databases, clock, logger: options.logger, metrics, cacheEntries: CACHE_ENTRIES };
    const globalTables = new GlobalTables('scratch', subTopology.nodes, { ...shared, log: options.log });
    if (globals === 'as-of-now') await globalTables.catchUp(() => {});
    const task = await Task.open(subTopology, partition, new Map(), {
      // It begins empty: there is nothing to restore from.
      log: { describeTopics: async () => [], consumer: () => options.log.consumer() },
      ...shared,
      globalRows: globals === 'empty' ? () => noRows : globalTables.rowsOf,
      deadLetters: nowhere,
      onRecordError: 'skip',
      journalTopic: JOURNAL,
    });
    return new ScratchTask(task, options, databases, clock, consumer, globalTables);
  }

  set wallNow(ms: number) {
    this.#clock.wallNow = ms;
  }

  /**
   * Begins to read an input at `offset`, or, 'start', where the log begins. Errors: MR_VERIFY_INPUT_GONE where that is
   * later than `offset`.
   */
  async read(input: InputPartition, offset: number | 'start'): Promise<void> {
    if (this.#reading.includes(input)) return;
    const [topic] = await this.#options.log.describeTopics([input.node.topic.name]);
    const start = topic?.offsets[this.task.partition]?.start ?? 0;
    const from = offset === 'start' ? start : offset;
    if (start > from) throw this.gone(input, from);
    input.seek(from);
    this.#reading.push(input);
    this.#consumer.assign(
      this.#reading.map(({ node, fetchPosition }) => {
        return { topic: node.topic.name, partition: this.task.partition, offset: fetchPosition };
      }),
    );
  }

  /** Fetches until `input` has `records` at hand. Errors: MR_VERIFY_INPUT_GONE where the log has fewer. */
  async fill(input: InputPartition, records: number): Promise<void> {
    for (let polled = false; input.bufferedRecords < records; polled = true) {
      if (polled && this.isAtEnd(input)) throw this.gone(input, input.fetchPosition);
      await this.fetch(input, (batch) => batch);
    }
  }

  /** Fetches once, for `wanted` above all; other inputs that have enough at hand wait. */
  async fetch(wanted: InputPartition, cut: (batch: RecordBatch) => RecordBatch): Promise<void> {
    for (const input of this.#reading) {
      const isWanted = input === wanted || input.bufferedRecords < BUFFERED_RECORDS;
      this.#consumer[isWanted ? 'resume' : 'pause']([this.#placeOf(input)]);
    }
    this.#options.signal?.throwIfAborted();
    try {
      for (const batch of await this.#consumer.poll(POLL_MS)) this.task.buffer(cut(batch));
    } catch (error) {
      if (errorCode(error) !== 'MR_LOG_OFFSET_OUT_OF_RANGE') throw error;
      throw this.gone(wanted, wanted.fetchPosition);
    }
  }

  /** Whether the last fetch found nothing beyond what has been fetched. */
  isAtEnd(input: InputPartition): boolean {
    const place = this.#placeOf(input);
    const end = this.#consumer.end(place);
    return end !== undefined && (this.#consumer.position(place) ?? 0) >= end;
  }

  /** Commits into the scratch stores; returns the journal entries of the commit. */
  async commit(): Promise<JournalEntry | undefined> {
    await this.task.collect();
    let entry: JournalEntry | undefined;
    for (const { topic, records } of this.task.outbox.appends()) {
      const value = topic === JOURNAL ? [...records][0]?.value : undefined;
      if (value) entry = decodeJournalEntry(value);
    }
    this.task.outbox.clear();
    await this.task.commit([]);
    return entry;
  }

  /** As of the last commit. */
  snapshot(): TaskSnapshot {
    const offsets = this.task.input.partitions.map(({ node, position }) => [node.topic.name, position]);
    return { task: this.task.name, offsets: Object.fromEntries(offsets), stores: this.task.storeDigests() };
  }

  rows(): DatabaseSnapshot {
    return this.task.snapshot();
  }

  async close(): Promise<void> {
    await this.#consumer.close();
    await this.task.close();
    await this.#databases.destroy(this.task.name);
    await this.#globalTables.close();
    for (const name of this.#globalTables.databases) await this.#databases.destroy(name);
  }

  gone(input: InputPartition, offset: number): FatalError {
    const { topic, partition } = this.#placeOf(input);
    return new FatalError(
      'MR_VERIFY_INPUT_GONE',
      `${this.task.name} can't be repeated: ${topic}-${partition} no longer has offset ${offset}.`,
      { hint: 'retention or compaction has removed it; what is left can only be compared by its digests' },
    );
  }

  #placeOf({ node }: InputPartition) {
    return { topic: node.topic.name, partition: this.task.partition };
  }
}

const noRows: GlobalRows = { load: async () => {}, get: () => undefined };

/** Never written to: the scratch task passes over what the live one sent to the dead letters. */
const nowhere: Topic<string, DeadLetter> = {
  name: 'nowhere',
  partitions: 1,
  cleanup: { policy: 'delete', retentionMs: 0 },
  key: textKey,
  value: {
    encode: () => Buffer.alloc(0),
    decode: () => {
      throw new FatalError('MR_INVARIANT', 'dead letters of a scratch task are not written');
    },
    prepare: async () => {},
    fingerprint: Buffer.alloc(0),
    framing: 0,
  },
};
