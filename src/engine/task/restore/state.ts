import type { Appended, Log, ReadEntry, RecordBatch, TopicPartition } from '#log';
import {
  type Clock,
  errorCode,
  FatalError,
  failpoint,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';
import { isOfRecord } from '../../operators/operator.ts';
import { CachedStore, type RefusedEntry } from '../../store/cached-store.ts';
import { ChangelogReplay } from '../../store/changelog-replay.ts';
import { prefixRange, storePrefix } from '../../store/database-keys.ts';
import { Digest } from '../../store/digest.ts';
import type { Change, Database, DatabaseProvider, DatabaseSnapshot } from '../../store/port.ts';
import type { StoreChanges } from '../../store/store-changes.ts';
import { WholeRestore } from '../../store/whole-restore.ts';
import type { StoreDefinition } from '../../topology/topology.ts';
import type { Guarantee } from '../commit/commit.ts';
import type { Outbox } from '../commit/outbox.ts';
import { type InputOffsets, positionHeader, readPositionHeader } from '../commit/position.ts';
import type { TaskFailpoint } from '../failpoints.ts';
import { rejectedRecords } from '../status/introspection.ts';
import type { RestoreProgress } from './restore-progress.ts';
import { tombstonesTrustedMs } from './tombstones.ts';

/** How far a store has come, kept in the same atomic write as its entries. */
type StoreMark = {
  /** Changelog records before this offset are in the store. */
  readonly offset: number;
  /** The changelog that the offset is of, with its number of partitions: recreated, it is another one. */
  readonly changelog?: string;
  /** Input offsets that its entries stand for; absent while a commit of its former owner is in it by half. */
  readonly position?: InputOffsets;
  readonly digest: string;
  /** Fingerprint of the schema that the digest was made with. */
  readonly fingerprint: string;
};
export type Marks = {
  readonly stores: { readonly [name: string]: StoreMark };
  /** Wall-clock time: a store older than the changelog keeps its tombstones can't be brought up to date. */
  readonly committedAt: number;
};

/** The row of a task's database that tells how far its stores have come. */
export const MARKS_KEY = Buffer.from([0]);
const POLL_MS = 1000;
/** Bytes of the changelog read at a time; larger chunks outlive the garbage collector's nursery. */
const CHUNK_BYTES = 256 * 1024;

export type StateOptions = {
  readonly name: string;
  readonly partition: number;
  readonly stores: readonly StoreDefinition[];
  readonly databases: DatabaseProvider;
  readonly cacheEntries: number;
  readonly log: Pick<Log, 'describeTopics' | 'consumer'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The group whose offsets are the inputs', for messages. */
  readonly group?: string;
  /** Names of tasks whose changelogs may hold values that can't be decoded. */
  readonly suspects?: ReadonlySet<string>;
  /** Committed input offsets by topic: how far copies of sources are restored. */
  readonly inputOffsets: ReadonlyMap<string, number>;
  readonly restore?: RestoreProgress;
  /** Another process has the task; this one follows it. */
  readonly isCopy?: boolean;
  /** Exactly once, a store and the inputs' offsets are committed together. */
  readonly guarantee?: Guarantee;
};

type OpenStore = {
  readonly definition: StoreDefinition;
  readonly store: CachedStore<unknown>;
  offset: number;
  /** Its name and its number of partitions. */
  changelog: string;
  /** How long its tombstones are counted upon, and the wall-clock time from which on they are there for this store. */
  tombstonesTrustedMs: number;
  tombstonesSeenAt: number;
  position: InputOffsets | undefined;
};

/**
 * The stores of one task over one database. Opening brings them up to what the log has committed: from the local
 * copy plus the changelog's tail, or whole where the copy is missing, damaged, or ahead of the log.
 */
export class TaskState {
  readonly #options: StateOptions;
  readonly #database: Database;
  readonly #stores: readonly OpenStore[];
  #committedAt = 0;
  /** Changes that the transaction under way has sent to the log, for the database once it has committed. */
  #pending: StoreChanges[] = [];
  #inputOffsets: ReadonlyMap<string, number>;

  private constructor(options: StateOptions, database: Database) {
    this.#options = options;
    this.#inputOffsets = options.inputOffsets;
    this.#database = database;
    this.#stores = options.stores.map((definition) => ({
      definition,
      store: new CachedStore(definition.name, database, definition.spec.value, options.cacheEntries),
      offset: 0,
      changelog: '',
      tombstonesTrustedMs: Number.POSITIVE_INFINITY,
      tombstonesSeenAt: 0,
      position: undefined,
    }));
  }

  static async open(options: StateOptions): Promise<TaskState> {
    try {
      return await TaskState.#attempt(options);
    } catch (error) {
      if (!['MR_STORE_CORRUPT', 'MR_STORE_OUTDATED'].includes(errorCode(error) ?? '')) throw error;
      options.logger.warn(
        { err: error, task: options.name },
        'a store can’t be brought up to date; it is rebuilt from its changelog',
      );
      await options.databases.destroy(options.name);
      options.restore?.startOver();
      return await TaskState.#attempt(options);
    }
  }

  static async #attempt(options: StateOptions): Promise<TaskState> {
    const database = await options.databases.open(options.name);
    const state = new TaskState(options, database);
    try {
      await state.#restore();
    } catch (error) {
      await database.close();
      throw error;
    }
    return state;
  }

  /** A store by its full name, `<processor>/<store>`. */
  store(name: string): CachedStore<unknown> | undefined {
    return this.#stores.find((open) => open.definition.name === name)?.store;
  }

  /** Digests by store name, as of the last `collect`. */
  digests(): Map<string, string> {
    return new Map(this.#stores.map(({ definition, store }) => [definition.name, store.digest.toString()]));
  }

  /**
   * Puts changelog records into the outbox; `commit` writes the same changes to the database. The last record of each
   * store says which input offsets the store stands for with it, so that a copy elsewhere knows as well.
   * `refuse` is told of values that can't be written.
   */
  collect(
    outbox: Outbox,
    position: InputOffsets,
    refuse: (store: string, entry: RefusedEntry) => void,
  ): void {
    for (const open of this.#stores) {
      const changes = open.store.takeDirty((entry) => refuse(open.definition.name, entry));
      if (changes.length > 0) this.#pending.push(changes);
      if (changes.length > 0 && open.definition.logged) {
        const { changelog } = open.definition;
        this.#log(changes, changelog, outbox);
        outbox.peek(changelog, this.#options.partition)?.addHeader(positionHeader(position));
      }
      open.position = position;
    }
  }

  /** Puts a store's changes into its changelog. */
  #log(changes: StoreChanges, changelog: string, outbox: Outbox): void {
    const { partition } = this.#options;
    const bytes = { encode: (index: number) => changes.value(index) as Buffer, encodeInto: changes.copyInto };
    for (let i = 0; i < changes.length; i++) {
      const { key, timestamp } = changes.key(i);
      if (changes.isDeletion(i)) outbox.put(changelog, partition, key, null, timestamp);
      else outbox.putValue(changelog, partition, key, i, bytes, timestamp);
    }
  }

  /** What the last commit has left, entries and marks of one instant. To be closed. */
  snapshot(): DatabaseSnapshot {
    return this.#database.snapshot();
  }

  /** Called after the log has committed: where the changelog records ended up, and how far inputs were read. */
  async commit(appended: readonly Appended[], inputOffsets: ReadonlyMap<string, number>): Promise<void> {
    for (const open of this.#stores) {
      const { changelog, logged } = open.definition;
      const offset = logged
        ? appended.find((end) => end.topic === changelog && end.partition === this.#options.partition)
            ?.nextOffset
        : inputOffsets.get(changelog);
      if (offset !== undefined) open.offset = offset;
    }
    const held = this.#pending;
    this.#pending = [];
    this.#committedAt = this.#options.clock.now();
    await this.#database.write([this.#marks()], { held });
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  async #restore(): Promise<void> {
    step('restore.before');
    const [bytes] = await this.#database.getMany([MARKS_KEY]);
    const marks: Marks | undefined = bytes ? JSON.parse(bytes.toString()) : undefined;
    this.#committedAt = marks?.committedAt ?? this.#options.clock.now();
    const unusable: OpenStore[] = [];
    for (const open of this.#stores) {
      if (!(await this.#takeOver(open, marks))) unusable.push(open);
    }
    await this.#forget(Object.keys(marks?.stores ?? {}));
    // What is to be emptied loses its mark first: a crash in between must not leave a mark without its entries.
    if (unusable.length > 0) await this.#database.write([this.#marks(unusable)]);
    for (const { store } of unusable) await store.clear();
    await this.#replayAll(this.#options.isCopy === true ? 'stable' : 'end', unusable);
    // Only the changelog says what offsets a copy stands for: its owner may have committed since they were read.
    if (this.#options.isCopy !== true) {
      this.#assertNotAhead();
      for (const open of this.#stores) {
        open.position = Object.fromEntries(this.#inputOffsets);
        if (open.store.digest.isEmpty) open.store.beginsEmpty();
      }
    }
    this.#committedAt = this.#options.clock.now();
    await this.#database.write([this.#marks()]);
    step('restore.after');
  }

  /**
   * Takes in what the task's owner has committed since: for a copy that nothing processes. `inputOffsets` as in the
   * options, of now.
   */
  async follow(inputOffsets: ReadonlyMap<string, number>): Promise<void> {
    this.#inputOffsets = inputOffsets;
    await this.#replayAll('stable');
    this.#committedAt = this.#options.clock.now();
    for (const open of this.#stores) open.tombstonesSeenAt = this.#committedAt;
  }

  async #replayAll(end: 'stable' | 'end', emptied: readonly OpenStore[] = []): Promise<void> {
    const { restore } = this.#options;
    const ends: number[] = [];
    for (const { definition } of this.#stores) ends.push(await this.#endOf(definition, end));
    for (const [i, { offset }] of this.#stores.entries())
      restore?.expect(Math.max(0, (ends[i] ?? 0) - offset));
    for (const [i, open] of this.#stores.entries()) {
      await this.#replay(open, ends[i] ?? 0, emptied.includes(open));
      // Nothing was ever written: empty is what the store was at the beginning of its inputs.
      if (open.offset === 0) open.position = {};
    }
  }

  /** What is committed in one transaction can't part, unless somebody else has set the offsets back, or they have expired. */
  #assertNotAhead(): void {
    if (this.#options.guarantee !== 'exactly-once') return;
    for (const { definition, position } of this.#stores) {
      for (const [input, offset] of Object.entries(position ?? {})) {
        const committed = this.#inputOffsets.get(input) ?? offset;
        if (offset > committed) throw this.#ahead(definition.name, input, { offset, committed });
      }
    }
  }

  #ahead(store: string, input: string, is: { readonly offset: number; readonly committed: number }): Error {
    const { group = 'the group', partition } = this.#options;
    const place = `${input}/${partition}`;
    return new FatalError(
      'MR_STORE_AHEAD',
      `${store} holds ${place} up to offset ${is.offset}, and ${group}'s offset is ${is.committed}: it was set back, or has expired`,
      {
        hint: `stop all instances and run "millrace offsets set ${group} ${place} ${is.offset}"; or raise the generation of the topology to process all anew`,
      },
    );
  }

  /** Removes the rows of stores that the topology no longer has. */
  async #forget(marked: readonly string[]): Promise<void> {
    const declared = new Set(this.#stores.map(({ definition }) => definition.name));
    for (const name of marked) {
      if (!declared.has(name)) await this.#database.deleteRange(prefixRange(storePrefix(name)));
    }
  }

  /** Takes the local copy as it is marked, to be brought up to date; false where it has to be restored whole. */
  async #takeOver(open: OpenStore, marks: Marks | undefined): Promise<boolean> {
    const { definition, store } = open;
    const mark = marks?.stores[definition.name];
    const [topic] = await this.#options.log.describeTopics([definition.changelog]);
    const start = topic?.offsets[this.#options.partition]?.start ?? 0;
    const until = await this.#endOf(definition, 'end');
    open.offset = start;
    open.changelog = `${definition.changelog}/${topic?.partitions ?? 0}`;
    if (topic !== undefined) open.tombstonesTrustedMs = tombstonesTrustedMs(topic.cleanup);
    open.tombstonesSeenAt = this.#options.clock.now();
    if (mark === undefined || (mark.changelog ?? open.changelog) !== open.changelog) return false;
    const isExpired =
      mark.offset < until && this.#committedAt < open.tombstonesSeenAt - open.tombstonesTrustedMs;
    // A log that has lost the end of a transaction still holds its records, aborted: the offset alone says nothing.
    const isAhead = Object.entries(mark.position ?? {}).some(
      ([input, offset]) => offset > (this.#inputOffsets.get(input) ?? 0),
    );
    if (mark.offset < start || mark.offset > until || isAhead || isExpired) {
      this.#options.logger.warn(
        { task: this.#options.name, store: definition.name, local: mark.offset, start, end: until },
        'the local store does not fit its changelog; it is restored whole',
      );
      return false;
    }
    open.offset = mark.offset;
    if (mark.offset < until) open.tombstonesSeenAt = this.#committedAt;
    open.position = mark.position;
    if (mark.fingerprint === store.values.fingerprint) store.digest.set(Digest.fromHex(mark.digest));
    else await store.recomputeDigest();
    return true;
  }

  async #endOf(definition: StoreDefinition, end: 'stable' | 'end'): Promise<number> {
    if (!definition.logged) return this.#inputOffsets.get(definition.changelog) ?? 0;
    const [topic] = await this.#options.log.describeTopics([definition.changelog]);
    // To process, not the stable offset: a transaction that a dead owner has left open holds it below what its
    // successor has committed, and the state would lack that. Replaying waits until the transaction is aborted.
    return topic?.offsets[this.#options.partition]?.[end] ?? 0;
  }

  async #replay(open: OpenStore, until: number, isEmpty: boolean): Promise<void> {
    if (open.offset >= until) return;
    const { definition, store } = open;
    const source: TopicPartition = { topic: definition.changelog, partition: this.#options.partition };
    const replayed = { name: definition.name, digest: store.digest, serde: definition.spec.value };
    const replay = isEmpty
      ? new WholeRestore(replayed, this.#database, until - open.offset)
      : new ChangelogReplay(replayed, this.#database);
    // Decoding all of a store takes longer than writing it, so a whole restore does so only after one that went wrong.
    const decodes = !isEmpty || this.#options.suspects?.has(this.#options.name) === true;
    const consumer = await this.#options.log.consumer({ maxBytes: CHUNK_BYTES });
    try {
      consumer.assign([{ ...source, offset: open.offset }]);
      while (open.offset < until) {
        const batches = await consumer.poll(POLL_MS);
        this.#options.restore?.signal.throwIfAborted();
        this.#assertTombstonesKept(open);
        for (const batch of batches) await this.#take(open, batch, until, { add: replay.add, decodes });
        if (replay.isFull || open.offset === until) await this.#write(open, replay.changes());
      }
    } finally {
      await consumer.close();
    }
  }

  /** Hands a batch's records before `until` to `add`, as the store holds them, and moves on behind it. */
  async #take(
    open: OpenStore,
    batch: RecordBatch,
    until: number,
    { add, decodes }: { readonly add: ReadEntry<void>; readonly decodes: boolean },
  ): Promise<void> {
    const { logged, changelog, spec } = open.definition;
    const isFramed = framedAs(spec.value.framing);
    const count = recordsBefore(batch, until);
    for (let i = 0; i < count; i++) {
      if (!logged) await this.#addOwn(open, batch, i, add);
      else if (!batch.readEntry(i, isFramed) || (decodes && !(await this.#isReadable(open, batch, i))))
        this.#passOver(open, batch, i);
      else batch.readEntry(i, add);
    }
    if (logged && count > 0) open.position = readPositionHeader(batch, count - 1);
    const reached = Math.max(open.offset, Math.min(batch.nextOffset, until));
    this.#options.restore?.advance(reached - open.offset);
    open.offset = reached;
    if (!logged) open.position = { [changelog]: reached };
  }

  /**
   * The last of the changes goes together with the mark. A store that takes several writes has none in between: whoever
   * finds it so restores it whole again.
   */
  async #write(open: OpenStore, writes: AsyncIterable<Change[]>): Promise<void> {
    let last: Change[] = [];
    for await (const changes of writes) {
      if (last.length > 0) await this.#writeChunk(last, [open]);
      last = changes;
    }
    await this.#writeChunk(last, []);
  }

  async #writeChunk(changes: Change[], unmarked: readonly OpenStore[]): Promise<void> {
    changes.push(this.#marks(unmarked));
    await this.#database.write(changes, { inBulk: true });
    step('restore.chunk');
  }

  /** A tombstone that was cleaned away before it was read here would leave its row for ever. */
  #assertTombstonesKept({ definition, tombstonesSeenAt, tombstonesTrustedMs }: OpenStore): void {
    if (this.#options.clock.now() - tombstonesSeenAt <= tombstonesTrustedMs) return;
    const hint = 'nothing to do: it is opened again, and restored whole';
    throw new RetryableError(
      'MR_STORE_OUTDATED',
      `${definition.name} was not brought up to date for longer than its changelog keeps tombstones`,
      { hint },
    );
  }

  async #isReadable({ definition }: OpenStore, batch: RecordBatch, index: number): Promise<boolean> {
    const bytes = batch.value(index);
    const { value: serde } = definition.spec;
    if (bytes === null) return true;
    try {
      serde.decode(bytes);
      return true;
    } catch (error) {
      if (errorCode(error) !== 'MR_SCHEMA_NOT_LOADED') return false;
    }
    try {
      await serde.prepare(bytes);
      serde.decode(bytes);
      return true;
    } catch (error) {
      if (error instanceof RetryableError) throw error;
      return false;
    }
  }

  /** Somebody else has written to the changelog; the row stays as it was. */
  #passOver({ definition: { name, changelog } }: OpenStore, batch: RecordBatch, index: number): void {
    const { logger, metrics } = this.#options;
    const place = { topic: changelog, partition: batch.partition, offset: batch.offset(index) };
    rejectedRecords(metrics).inc({ operator: name, reason: 'MR_AVRO_DECODE' });
    logger.warn({ store: name, ...place }, 'a record of a changelog can’t be decoded and is passed over');
  }

  /**
   * A source's record was written by somebody else: a copy holds it as the live task would have stored it, and passes
   * over what the live task has sent to the dead letters.
   */
  async #addOwn(open: OpenStore, batch: RecordBatch, index: number, add: ReadEntry<void>): Promise<void> {
    const key = ownKey(open, batch, index);
    if (key === null) return;
    const value = batch.value(index);
    if (value === null) return add(key, 0, key.length, -1, -1);
    try {
      const own = Buffer.concat([key, await open.store.values.reencode(value)]);
      add(own, 0, key.length, key.length, own.length);
    } catch (error) {
      if (!isOfRecord(error)) throw error;
      const { name } = open.definition;
      this.#options.logger.warn({ err: error, store: name }, 'an undecodable record is passed over');
    }
  }

  #marks(without: readonly OpenStore[] = []): Change {
    const stores = Object.fromEntries(
      this.#stores
        .filter((open) => !without.includes(open))
        .map(({ definition, store, offset, changelog, position }) => {
          const { fingerprint } = store.values;
          const digest = store.digest.toString();
          const mark: StoreMark = { offset, changelog, digest, fingerprint };
          return [definition.name, position === undefined ? mark : { ...mark, position }];
        }),
    );
    const marks: Marks = { stores, committedAt: this.#committedAt };
    return { key: MARKS_KEY, value: Buffer.from(JSON.stringify(marks)) };
  }
}

/** Whether a value can begin with so many bytes of framing: the wire format of schema registries begins with a zero. */
function framedAs(framing: number): ReadEntry<boolean> {
  if (framing === 0) return () => true;
  return (bytes, _keyStart, _keyEnd, start, end) => end < 0 || (end - start >= framing && bytes[start] === 0);
}

/** How many of a batch's records lie before an offset. */
function recordsBefore(batch: RecordBatch, until: number): number {
  if (batch.nextOffset <= until) return batch.count;
  let count = 0;
  while (count < batch.count && batch.offset(count) < until) count++;
  return count;
}

/** The key under which the live task holds a source's record; null where it has sent the record to the dead letters. */
function ownKey({ definition: { spec } }: OpenStore, batch: RecordBatch, index: number): Buffer | null {
  const key = batch.key(index);
  if (key === null || batch.timestamp(index) < 0) return null;
  try {
    const text = key.toString();
    return Buffer.from(spec.keyText === undefined ? text : spec.keyText(text));
  } catch (error) {
    if (!isOfRecord(error)) throw error;
    return null;
  }
}

function step(name: TaskFailpoint): void {
  failpoint(name);
}
