import { realpathSync } from 'node:fs';
import type { DatabaseSync } from 'node:sqlite';
import type { MessagePort } from 'node:worker_threads';
import { type Clock, ConfigurationError, makePrivateDirectory } from '#platform';
import { logClosed } from '../errors.ts';
import { type GroupReply, type GroupRequest, readHeartbeat } from '../group-coordination.ts';
import { type Coordinator, joinGroup } from '../membership.ts';
import type {
  Consumer,
  ConsumerOptions,
  GroupMetadata,
  JoinOptions,
  Log,
  Membership,
  OffsetCommit,
  Producer,
  TopicDescription,
  TopicPartition,
  TopicSpec,
  TransactionalProducer,
} from '../port.ts';
import type { SchemaRegistry } from '../registry.ts';
import { type CheckOptions, checkBatches, type LogCheck } from './check.ts';
import { type Cleaned, type CleanOptions, clean } from './cleaner.ts';
import { CommitWatch } from './commit-watch.ts';
import { EmbeddedConsumer } from './consumer.ts';
import { openForReading, type Synchronous, translateSqliteError } from './database.ts';
import { EmbeddedRegistry } from './embedded-registry.ts';
import { refuseNetworkFileSystem } from './file-system.ts';
import { EmbeddedProducer, EmbeddedTransactionalProducer } from './producers.ts';
import { Reader } from './reader.ts';
import { scrub } from './scrub.ts';
import { SharedWriter, type Warn, WriterConnection } from './writer-client.ts';

export type EmbeddedLogOptions = {
  /** Made where it is missing; must be on a local disk. */
  readonly directory: string;
  readonly clock: Clock;
  /** Is told when another process holds the write lock for over a second. */
  readonly logger?: Warn;
  /** 'full' (default): acknowledged records survive a power failure; 'normal': they survive the end of the process. */
  readonly synchronous?: Synchronous;
  /** From `connect()` of the process's log: shares its writer thread instead of starting another. */
  readonly connection?: MessagePort;
};

export interface EmbeddedLog extends Log {
  readonly registry: SchemaRegistry;
  /**
   * A port for a worker thread of this process, to be transferred to it and given to openEmbeddedLog as
   * `connection`. Not for a log that was opened with a connection itself.
   */
  connect(): MessagePort;
  /** One pass of retention, compaction and packing over all topics, in steps that hold the lock for some ms each. */
  clean(options?: CleanOptions): Promise<Cleaned>;
  /** Reads the batches of all topics, or a share of them: see checkBatches. */
  check(options?: CheckOptions): Promise<LogCheck>;
  /**
   * Cleans all that is due and leaves no byte of it in the files, for data that must be gone, such as an erased user's.
   * Rewrites the whole file and blocks the calling thread meanwhile. Errors: RetryableError MR_LOG_BUSY, MR_LOG_WRITE_FAILED.
   */
  scrub(): Promise<Cleaned>;
}

/**
 * Opens the log in `directory`. Errors: ConfigurationError MR_LOG_NETWORK_FS, MR_LOG_CANT_OPEN, MR_LOG_NOT_A_LOG,
 * MR_LOG_NEWER_FORMAT; FatalError MR_LOG_CORRUPT; FatalError MR_LOG_CLOSED for the connection of a closed log.
 */
export async function openEmbeddedLog(options: EmbeddedLogOptions): Promise<EmbeddedLog> {
  const { clock, logger, connection } = options;
  const directory = prepareDirectory(options.directory);
  await refuseNetworkFileSystem(directory);
  const writerOptions = { directory, synchronous: options.synchronous ?? 'full' };
  const shared = connection === undefined ? await SharedWriter.of(writerOptions, logger) : undefined;
  try {
    const writer = await WriterConnection.open(connection ?? (shared as SharedWriter).connect());
    const release = () => shared?.release(logger) ?? Promise.resolve();
    return new SqliteLog(directory, clock, openForReading(directory), writer, shared, release);
  } catch (error) {
    await shared?.release(logger);
    throw translateSqliteError('log.sqlite', error);
  }
}

function prepareDirectory(directory: string): string {
  try {
    makePrivateDirectory(directory);
    return realpathSync(directory);
  } catch (error) {
    throw new ConfigurationError('MR_LOG_CANT_OPEN', `the log's directory ${directory} can't be made`, {
      hint: 'name a directory that this user may write',
      cause: error,
    });
  }
}

class SqliteLog implements EmbeddedLog {
  readonly registry: SchemaRegistry;
  readonly #directory: string;
  readonly #clock: Clock;
  readonly #database: DatabaseSync;
  readonly #reader: Reader;
  readonly #watch: CommitWatch;
  readonly #writer: WriterConnection;
  readonly #shared: SharedWriter | undefined;
  readonly #release: () => Promise<void>;
  readonly #coordinator: Coordinator;
  readonly #consumers = new Set<EmbeddedConsumer>();
  readonly #producers = new Set<Producer>();
  readonly #closing = new AbortController();
  #closed: Promise<void> | undefined;

  constructor(
    directory: string,
    clock: Clock,
    database: DatabaseSync,
    writer: WriterConnection,
    shared: SharedWriter | undefined,
    release: () => Promise<void>,
  ) {
    this.#directory = directory;
    this.#clock = clock;
    this.#database = database;
    this.#reader = new Reader(database);
    this.#watch = new CommitWatch(database, writer.commits, clock);
    this.#writer = writer;
    this.#shared = shared;
    this.#release = release;
    this.registry = new EmbeddedRegistry(this.#reader, writer, () => this.#assertOpen());
    this.#coordinator = this.#makeCoordinator();
  }

  #assertOpen(): void {
    if (this.#closed !== undefined || this.#writer.closed) throw logClosed();
  }

  async createTopics(specs: readonly TopicSpec[]): Promise<void> {
    this.#assertOpen();
    // A caller's topic may hold functions, such as its serdes, that reach no other thread.
    const plain = specs.map(({ name, partitions, cleanup }) => ({ name, partitions, cleanup }));
    await this.#writer.request({ kind: 'create-topics', specs: plain });
  }

  async deleteTopics(names: readonly string[]): Promise<void> {
    this.#assertOpen();
    await this.#writer.request({ kind: 'delete-topics', names });
    while ((await this.#writer.request<number>({ kind: 'purge' })) > 0);
  }

  async describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]> {
    return this.#read(() => this.#reader.describe(names));
  }

  async offsetForTimestamp(partition: TopicPartition, timestamp: number): Promise<number> {
    return this.#read(() => this.#reader.offsetForTimestamp(partition, timestamp));
  }

  #read<T>(work: () => T): T {
    this.#assertOpen();
    try {
      return work();
    } catch (error) {
      throw translateSqliteError('log.sqlite', error);
    }
  }

  async producer(): Promise<Producer> {
    this.#assertOpen();
    const isCompacted = (topic: string) => this.#reader.describe([topic])[0]?.cleanup.policy === 'compact';
    const forget = (closed: Producer) => this.#producers.delete(closed);
    const producer = new EmbeddedProducer(this.#writer, isCompacted, forget);
    this.#producers.add(producer);
    return producer;
  }

  async transactionalProducer(transactionalId: string): Promise<TransactionalProducer> {
    this.#assertOpen();
    const epoch = await this.#writer.request<number>({ kind: 'begin-producer', transactionalId });
    return new EmbeddedTransactionalProducer(this.#writer, transactionalId, epoch);
  }

  async consumer(options: ConsumerOptions = {}): Promise<Consumer> {
    this.#assertOpen();
    const forget = (closed: EmbeddedConsumer) => this.#consumers.delete(closed);
    const consumer = new EmbeddedConsumer(this.#reader, this.#watch, this.#clock, options, forget);
    this.#consumers.add(consumer);
    return consumer;
  }

  async joinGroup(options: JoinOptions): Promise<Membership> {
    this.#assertOpen();
    return joinGroup(this.#coordinator, options);
  }

  #makeCoordinator(): Coordinator {
    const clock = this.#clock;
    const send = (request: GroupRequest): Promise<GroupReply> => {
      this.#assertOpen();
      return this.#writer.request<GroupReply>({ kind: 'group', request });
    };
    return {
      now: () => clock.now(),
      send: async (request) => send(request),
      heartbeat: async (group, memberId, generation) => {
        const now = clock.now();
        const state = this.#read(() => this.#reader.group(group)?.state());
        const status = state && readHeartbeat(state, memberId, generation, now);
        if (status !== undefined) return { kind: 'alive', status };
        return send({ kind: 'heartbeat', group, memberId, generation, now });
      },
      changed: async (group, revision, timeoutMs) => {
        const until = clock.monotonic() + timeoutMs;
        for (;;) {
          this.#assertOpen();
          const seen = this.#watch.version();
          const remainingMs = until - clock.monotonic();
          if (remainingMs <= 0 || this.#read(() => this.#reader.group(group))?.revision !== revision) return;
          await this.#watch.changed(seen, remainingMs, this.#closing.signal);
        }
      },
    };
  }

  async committedOffsets(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (OffsetCommit | undefined)[]> {
    return this.#read(() => partitions.map((at) => this.#reader.committed(group, at)));
  }

  async groups(): Promise<readonly string[]> {
    return this.#read(() => this.#reader.groups());
  }

  async commitOffsets(metadata: GroupMetadata, offsets: readonly OffsetCommit[]): Promise<void> {
    this.#assertOpen();
    const { group, memberId, generation } = metadata;
    await this.#writer.request({
      kind: 'commit-offsets',
      offsets: { group: { group, memberId, generation }, offsets },
    });
  }

  connect(): MessagePort {
    this.#assertOpen();
    if (this.#shared === undefined) {
      throw new ConfigurationError(
        'MR_LOG_NOT_THE_OWNER',
        'only the log that runs the writer thread hands out connections',
        {
          hint: 'call connect() on the log of the thread that opened it without `connection`',
        },
      );
    }
    return this.#shared.connect();
  }

  async clean(options: CleanOptions = {}): Promise<Cleaned> {
    this.#assertOpen();
    const assertOpen = () => {
      this.#assertOpen();
      options.signal?.throwIfAborted();
    };
    return clean({ reader: this.#reader, writer: this.#writer, clock: this.#clock, assertOpen }, options);
  }

  async check(options: CheckOptions = {}): Promise<LogCheck> {
    this.#assertOpen();
    try {
      return await checkBatches(this.#reader, options);
    } catch (error) {
      throw translateSqliteError('log.sqlite', error);
    }
  }

  async scrub(): Promise<Cleaned> {
    this.#assertOpen();
    const clean = (options: CleanOptions) => this.clean(options);
    return scrub({ directory: this.#directory, clock: this.#clock, clean });
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    for (const consumer of [...this.#consumers]) await consumer.close();
    for (const producer of [...this.#producers]) await producer.close();
    await this.#writer.close();
    this.#watch.close();
    this.#database.close();
    await this.#release();
  }
}
