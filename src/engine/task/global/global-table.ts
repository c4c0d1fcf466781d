import type { Consumer, Log, RecordBatch, TopicDescription, TopicPartition } from '#log';
import {
  type Clock,
  errorCode,
  FatalError,
  InputError,
  invariant,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import type { GlobalRows } from '../../operators/global-join.ts';
import { isOfRecord } from '../../operators/operator.ts';
import { rejectedRecords } from '../../operators/operator-flow.ts';
import type { Topic } from '../../serde.ts';
import type { Change, Database, DatabaseProvider } from '../../store/port.ts';
import { isHeartbeat } from '../../time/watermark.ts';
import { whenUnlocked } from '../assignment/store-lock.ts';
import { FETCH_BYTES } from '../input/fetching.ts';
import { tombstonesTrustedMs } from '../restore/open-store.ts';
import { GlobalRowStore } from './global-rows.ts';

export type GlobalTableEnvironment = {
  readonly log: Pick<Log, 'describeTopics' | 'consumer'>;
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Decoded rows kept in memory. */
  readonly cacheEntries: number;
};

/** How far the copy has come, kept in the same atomic write as its rows. */
export type GlobalTableMarks = {
  /** By partition: records before these are in the copy. */
  readonly offsets: readonly number[];
  /** Fingerprint of the schema that read the rows: records it could not read were skipped. */
  readonly fingerprint: string;
  /** Wall-clock time at which the copy was known to be whole: the topic keeps tombstones for a time only. */
  readonly asOf: number;
};

export const GLOBAL_MARKS_KEY = Buffer.from([0]);

/** What reading a copy, or on from it, fails with where only rereading the topic helps. */
const BEYOND_REPAIR = new Set(['MR_STORE_CORRUPT', 'MR_LOG_OFFSET_OUT_OF_RANGE']);

/**
 * This member's copy of a topic, all partitions of it: rows in a database of its own, and the offsets up to which they
 * have been read. It is disposable: what is missing, damaged or does not fit the topic is read again from there. Between
 * two partitions the order is that of reading, so a key belongs into one.
 */
export class GlobalTableCopy implements GlobalRows {
  /** Name of its database. */
  readonly name: string;
  readonly #topic: Topic<unknown, unknown>;
  readonly #environment: GlobalTableEnvironment;
  #rows: OpenRows | undefined;
  #isDamaged = false;

  constructor(name: string, topic: Topic<unknown, unknown>, environment: GlobalTableEnvironment) {
    this.name = name;
    this.#topic = topic;
    this.#environment = environment;
  }

  /** Takes in everything that is readable now; `onProgress` is called on the way. */
  async catchUp(onProgress: () => void): Promise<void> {
    if (this.#isDamaged) await this.#discard();
    try {
      await this.#attempt(onProgress);
    } catch (error) {
      // What is in memory may be ahead of the database.
      await this.#close();
      if (!BEYOND_REPAIR.has(errorCode(error) ?? '')) throw error;
      const { logger } = this.#environment;
      logger.warn({ err: error, topic: this.#topic.name }, 'a global table is reread from the start');
      await this.#discard();
      await this.#attempt(onProgress);
    }
  }

  /** Errors: MR_GLOBAL_TABLE_DAMAGED, after which the next `catchUp` rereads the topic. */
  async load(keys: readonly string[]): Promise<void> {
    try {
      await this.#open.rows.load(keys);
    } catch (cause) {
      if (errorCode(cause) !== 'MR_STORE_CORRUPT') throw cause;
      this.#isDamaged = true;
      throw new RetryableError(
        'MR_GLOBAL_TABLE_DAMAGED',
        `the copy of global table ${this.#topic.name} can't be read`,
        { hint: 'nothing to do: it is reread from its topic', cause },
      );
    }
  }

  get(key: string): unknown {
    return this.#open.rows.get(key);
  }

  /** All rows, for tests. */
  entries(): AsyncIterable<readonly [key: string, row: unknown]> {
    return this.#open.rows.entries();
  }

  async close(): Promise<void> {
    try {
      await this.#rows?.settle();
    } finally {
      await this.#close();
    }
  }

  get #open(): OpenRows {
    invariant(this.#rows !== undefined, `global table ${this.#topic.name} has not been read yet`);
    return this.#rows;
  }

  async #attempt(onProgress: () => void): Promise<void> {
    const { databases, clock } = this.#environment;
    if (this.#rows === undefined) {
      const database = await whenUnlocked(clock, () => databases.open(this.name));
      this.#rows = await OpenRows.open(this.#topic, this.#environment, database);
    }
    await this.#rows.catchUp(onProgress);
  }

  async #discard(): Promise<void> {
    await this.#close();
    await this.#environment.databases.destroy(this.name);
    this.#isDamaged = false;
  }

  async #close(): Promise<void> {
    const rows = this.#rows;
    this.#rows = undefined;
    await rows?.close();
  }
}

/** The copy while it is open: its database, and a consumer that stands behind what the database holds. */
class OpenRows {
  readonly rows: GlobalRowStore;
  readonly #topic: Topic<unknown, unknown>;
  readonly #environment: GlobalTableEnvironment;
  readonly #database: Database;
  readonly #consumer: Consumer;
  readonly #offsets: number[];
  readonly #trustedMs: number;
  #asOf: number;
  /** Whether it was whole then: what is read from the topic's start is believed, however long that takes. */
  #wasWhole: boolean;

  private constructor(
    topic: Topic<unknown, unknown>,
    rows: GlobalRowStore,
    environment: GlobalTableEnvironment,
    database: Database,
    consumer: Consumer,
    marks: GlobalTableMarks | undefined,
    { offsets: bounds, cleanup }: TopicDescription,
  ) {
    const { offsets, asOf } = marks ?? {
      offsets: bounds.map(({ start }) => start),
      asOf: environment.clock.now(),
    };
    this.rows = rows;
    this.#topic = topic;
    this.#environment = environment;
    this.#database = database;
    this.#consumer = consumer;
    this.#offsets = [...offsets];
    this.#asOf = asOf;
    this.#wasWhole = marks !== undefined;
    this.#trustedMs = tombstonesTrustedMs(cleanup);
    consumer.assign(offsets.map((offset, partition) => ({ topic: topic.name, partition, offset })));
  }

  /** Goes on where the copy was left. Errors: MR_STORE_CORRUPT where it does not fit the topic, or can't be read. */
  static async open(
    topic: Topic<unknown, unknown>,
    environment: GlobalTableEnvironment,
    database: Database,
  ): Promise<OpenRows> {
    const { log } = environment;
    try {
      // As many partitions as the log says, not the declaration: nothing depends on their number.
      const [description] = await log.describeTopics([topic.name]);
      invariant(description !== undefined, `the log does not describe ${topic.name}`);
      const [bytes] = await database.getMany([GLOBAL_MARKS_KEY]);
      const marks = bytes ? (JSON.parse(bytes.toString()) as GlobalTableMarks) : undefined;
      const rows = new GlobalRowStore(database, topic.value, environment.cacheEntries);
      const why = marks && unusable(marks, description.partitions, rows);
      if (why !== undefined) throw misfit(topic.name, why);
      const consumer = await log.consumer({ maxBytes: FETCH_BYTES });
      return new OpenRows(topic, rows, environment, database, consumer, marks, description);
    } catch (error) {
      await database.close();
      throw error;
    }
  }

  async catchUp(onProgress: () => void): Promise<void> {
    const places = this.#offsets.map((_, partition) => ({ topic: this.#topic.name, partition }));
    const ends = new Map<TopicPartition, number>();
    const isReached = (place: TopicPartition) => {
      const end = ends.get(place) ?? this.#consumer.end(place);
      if (end !== undefined) ends.set(place, end);
      return end !== undefined && (this.#consumer.position(place) ?? 0) >= end;
    };
    for (let isAtEnd = false; !isAtEnd; ) {
      const now = this.#environment.clock.now();
      const batches = await this.#consumer.poll(0);
      if (batches.length > 0 && this.#wasWhole && now - this.#asOf > this.#trustedMs)
        throw misfit(this.#topic.name, 'tombstones may have been removed since it was last complete');
      isAtEnd = places.filter(isReached).length === places.length;
      if (isAtEnd) {
        this.#asOf = now;
        this.#wasWhole = true;
      }
      await this.#take(batches);
      onProgress();
    }
  }

  /** Notes how far the copy has come, also where nothing has changed since. */
  async settle(): Promise<void> {
    await this.#database.write([this.#marks()]);
  }

  async close(): Promise<void> {
    await this.#consumer.close();
    await this.#database.close();
  }

  async #take(batches: readonly RecordBatch[]): Promise<void> {
    // The last change of each key is enough.
    const changes = new Map<string, Change>();
    for (const batch of batches) {
      await this.#apply(batch, changes);
      this.#offsets[batch.partition] = batch.nextOffset;
    }
    if (changes.size > 0) await this.#database.write([...changes.values(), this.#marks()]);
    this.rows.evict();
  }

  async #apply(batch: RecordBatch, changes: Map<string, Change>): Promise<void> {
    for (let i = 0; i < batch.count; i++) {
      if (isHeartbeat(batch, i)) continue;
      const key = batch.key(i)?.toString();
      const bytes = batch.value(i);
      try {
        if (key === undefined)
          throw new InputError('MR_RECORD_NULL_KEY', 'a row of a global table has no key');
        const decoded = this.rows.decode(bytes);
        const row = decoded instanceof Promise ? await decoded : decoded;
        changes.set(key, this.rows.change(key, bytes, row));
      } catch (error) {
        if (!isOfRecord(error)) throw error;
        this.#refuse(key, error);
      }
    }
  }

  /** The row stays as it was. No dead letter: every member reads the topic, and each would send one. */
  #refuse(key: string | undefined, error: unknown): void {
    const { logger, metrics } = this.#environment;
    const operator = this.#topic.name;
    const reason = errorCode(error) ?? 'MR_PROCESSOR_THREW';
    rejectedRecords(metrics).inc({ operator, reason });
    logger.warn({ err: error, topic: operator, key }, 'a record of a global table is skipped');
  }

  #marks(): Change {
    const marks: GlobalTableMarks = {
      offsets: this.#offsets,
      fingerprint: this.rows.fingerprint,
      asOf: this.#asOf,
    };
    return { key: GLOBAL_MARKS_KEY, value: Buffer.from(JSON.stringify(marks)) };
  }
}

/** Why a copy can't be gone on from; undefined where it can. That the topic lacks its offsets is for the consumer to find. */
function unusable(
  { offsets, fingerprint }: GlobalTableMarks,
  partitions: number,
  rows: GlobalRowStore,
): string | undefined {
  if (partitions !== offsets.length) return 'the number of partitions of the topic has changed';
  if (fingerprint !== rows.fingerprint) return 'its rows were read with another schema';
  return undefined;
}

function misfit(topic: string, why: string): FatalError {
  return new FatalError('MR_STORE_CORRUPT', `the copy of global table ${topic} is unusable: ${why}`, {
    hint: 'it is reread from its topic',
  });
}
