/**
 * The log port: partitioned, append-only topics in the manner of Kafka. Offsets and timestamps are numbers
 * (offsets below 2^53, timestamps in ms of event time), keys and values are bytes. Nothing here assumes that
 * offsets are dense: compaction and control records leave gaps.
 */

export type TopicPartition = { readonly topic: string; readonly partition: number };

export type Header = readonly [name: string, value: Buffer];

/** A record to append. A null value is a tombstone on a compacted topic. */
export type ProducerRecord = {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  /** Event time, ms. */
  readonly timestamp: number;
  readonly headers?: readonly Header[];
};

/** Takes a record where it lies, see RecordBatch.readEntry. */
export type ReadEntry<R> = (
  bytes: Buffer,
  keyStart: number,
  keyEnd: number,
  valueStart: number,
  valueEnd: number,
) => R;

/** A run of records of one partition as stored; accessors decode on demand. */
export interface RecordBatch {
  readonly topic: string;
  readonly partition: number;
  /** Number of records readable in this batch (0 is possible: control records only). */
  readonly count: number;
  readonly baseOffset: number;
  /** The offset to go on from; at least the last record's offset + 1. */
  readonly nextOffset: number;
  /** Bytes of memory that holding on to the batch, or to anything that it has handed out, takes. */
  readonly byteLength: number;
  /** True: every record has a key and a value, and none has headers, so that nobody need look for them. */
  readonly isPlain: boolean;
  offset(index: number): number;
  timestamp(index: number): number;
  key(index: number): Buffer | null;
  /** The key as UTF-8 text: cheaper than decoding `key`. */
  keyText(index: number): string | null;
  value(index: number): Buffer | null;
  /** What `read` makes of the value where it lies, without a Buffer of its own; null where there is no value. */
  readValue<R>(index: number, read: (bytes: Buffer, start: number, end: number) => R): R | null;
  /**
   * What `read` makes of the record where it lies, without a Buffer for its key and its value. Where it has no key, or no
   * value, that ends at -1.
   */
  readEntry<R>(index: number, read: ReadEntry<R>): R;
  /** Whether the record has neither key nor value. */
  isEmpty(index: number): boolean;
  headers(index: number): readonly Header[];
  /**
   * Its only reader needs neither the batch nor any Buffer that it has handed out any more: memory that is the batch's own
   * is free at once.
   */
  free(): void;
}

/** Records to append; those of a RecordBuffer, which lie there as bytes, are never made into objects. */
export type Records = Iterable<ProducerRecord> & { readonly length: number };

export type Cleanup =
  /**
   * Records older than `retentionMs` before the partition's newest timestamp (or now, where that is earlier) go, from the
   * start on and batch by batch, so that some stay longer; an adapter may keep what a group has still to read. Null keeps
   * them for ever.
   */
  | { readonly policy: 'delete'; readonly retentionMs: number | null }
  /**
   * The newest record of a key stays, at its offset; every record needs a key (MR_LOG_KEY_REQUIRED). A tombstone goes
   * `tombstoneRetentionMs` after compaction first met it, by the wall clock: a reader that takes no longer sees it.
   */
  | { readonly policy: 'compact'; readonly tombstoneRetentionMs: number };

export type TopicSpec = { readonly name: string; readonly partitions: number; readonly cleanup: Cleanup };

export type PartitionOffsets = {
  /** First offset still readable. */
  readonly start: number;
  /** Last stable offset: a read-committed reader gets no further than this. */
  readonly stable: number;
  /** The next offset to be given out. */
  readonly end: number;
};

/** Where an append ended up: the records took offsets from `baseOffset`, and `nextOffset` is the one to read on from. */
export type Appended = TopicPartition & { readonly baseOffset: number; readonly nextOffset: number };

/** Appends outside transactions. `append` resolves when the records are durable, and keeps the order of calls. */
export interface Producer {
  append(topic: string, partition: number, records: Records): Promise<Appended>;
  close(): Promise<void>;
}

/**
 * The membership under which offsets are committed; a stale generation is fenced. A group without members takes
 * commits from anyone, as memberId '' and generation -1.
 */
export type GroupMetadata = {
  readonly group: string;
  readonly memberId: string;
  readonly generation: number;
};

export type OffsetCommit = TopicPartition & {
  readonly offset: number;
  /** Free for the engine's use; at most 4 KiB. */
  readonly metadata?: string;
};

/**
 * Appends that become visible together. Creating one for a transactional id fences every earlier one: its next
 * commit fails with MR_LOG_FENCED. One transaction at a time; it begins with the first append or sendOffsets, and while
 * it is being committed every other call is refused (MR_LOG_COMMIT_IN_PROGRESS). What can't be stored is refused by append
 * or by commit.
 */
export interface TransactionalProducer {
  append(topic: string, partition: number, records: Records): void;
  /** Adds consumer offsets to the transaction. A stale generation makes commit fail with MR_LOG_GENERATION. */
  sendOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): void;
  /**
   * Resolves when everything is durable and decided; it is visible at once, or some ms later (the brokers of Kafka write that
   * it is when they have answered). After a failure the transaction is aborted.
   */
  commit(): Promise<readonly Appended[]>;
  abort(): Promise<void>;
  close(): Promise<void>;
}

export type ConsumerOptions = {
  readonly isolation?: 'read-committed' | 'read-uncommitted';
  /** Upper bound of the bytes that one poll returns, over all partitions; a single batch may exceed it. */
  readonly maxBytes?: number;
};

/** Reads assigned partitions from given positions; rotates among them so that none starves. */
export interface Consumer {
  /** Replaces the assignment. */
  assign(positions: readonly (TopicPartition & { readonly offset: number })[]): void;
  /** Stops and starts fetching of partitions without losing their positions: the engine's back pressure. */
  pause(partitions: readonly TopicPartition[]): void;
  resume(partitions: readonly TopicPartition[]): void;
  /**
   * Resolves as soon as there is anything (within 10 ms of its becoming visible), with [] after `timeoutMs`.
   * A position below the log's start or beyond its end rejects with MR_LOG_OFFSET_OUT_OF_RANGE.
   */
  poll(timeoutMs: number): Promise<readonly RecordBatch[]>;
  /** The stable offset that the last poll saw: position === end means that the reader has caught up. */
  end(partition: TopicPartition): number | undefined;
  position(partition: TopicPartition): number | undefined;
  /** Ends a waiting poll with MR_LOG_CLOSED. */
  close(): Promise<void>;
}

export type GroupMember = { readonly memberId: string; readonly metadata: Buffer };

export type JoinOptions = {
  readonly group: string;
  /**
   * Absent: a new member. Given again after a restart, it takes its old place and share at once, fences whoever still
   * runs under the id, and disturbs nobody else (static membership); its new metadata counts from the next round.
   */
  readonly memberId?: string;
  /** Handed to `assign`: what this member wants and what it had. */
  readonly metadata: Buffer;
  /**
   * Topics whose offsets the group commits. Kafka forgets a group's offset of any other topic a week after its last commit
   * (offsets.retention.minutes), even while the group goes on.
   */
  readonly topics?: readonly string[];
  /** Without a heartbeat for this long a member is out. */
  readonly sessionTimeoutMs: number;
  /** Called on the member that leads the round, for all of them; returns each member's share by its id. */
  readonly assign: (members: readonly GroupMember[]) => ReadonlyMap<string, Buffer>;
};

/** One generation of a membership. */
export interface Membership extends GroupMetadata {
  readonly assignment: Buffer;
  /** 'rebalance': another round has begun; commit or drop what is open, then `rejoin`. 'expelled': rejoin. */
  heartbeat(): Promise<'stable' | 'rebalance' | 'expelled'>;
  /** Begins a round, or takes part in the one that has begun. MR_LOG_GENERATION when it came too late: rejoin. */
  rejoin(metadata: Buffer): Promise<Membership>;
  leave(): Promise<void>;
}

export type TopicDescription = TopicSpec & { readonly offsets: readonly PartitionOffsets[] };

export interface Log {
  /** Creates what is missing. A topic that exists with another shape is refused (MR_LOG_TOPIC_MISMATCH). */
  createTopics(specs: readonly TopicSpec[]): Promise<void>;
  deleteTopics(names: readonly string[]): Promise<void>;
  /** All topics when `names` is absent; an unknown name is MR_LOG_UNKNOWN_TOPIC. */
  describeTopics(names?: readonly string[]): Promise<readonly TopicDescription[]>;
  /** The first offset whose timestamp is at or after `timestamp`, or the end. */
  offsetForTimestamp(partition: TopicPartition, timestamp: number): Promise<number>;
  producer(): Promise<Producer>;
  transactionalProducer(transactionalId: string): Promise<TransactionalProducer>;
  consumer(options?: ConsumerOptions): Promise<Consumer>;
  joinGroup(options: JoinOptions): Promise<Membership>;
  /** Committed offsets in the order requested; undefined where the group has none. Waits for open transactions on them. */
  committedOffsets(
    group: string,
    partitions: readonly TopicPartition[],
  ): Promise<readonly (OffsetCommit | undefined)[]>;
  /** Names of the groups that have committed offsets, and maybe of others that have members; in no order. */
  groups(): Promise<readonly string[]>;
  /** Commits outside a transaction (readers without outputs). */
  commitOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): Promise<void>;
  /** Finishes the calls under way, ends those that only wait; every later one fails with MR_LOG_CLOSED. */
  close(): Promise<void>;
}
