import { type Clock, errorCode, failpoint, type Logger } from '#platform';
import type { Appended, Log, TopicPartition } from '../log/port.ts';
import { isOfRecord } from '../operators/operator.ts';
import { CachedStore, prefixRange, type RefusedEntry, storePrefix } from '../store/cached-store.ts';
import { Digest } from '../store/digest.ts';
import type { Change, Database, DatabaseProvider, DatabaseSnapshot } from '../store/port.ts';
import type { StoreDefinition } from '../topology/topology.ts';
import type { TaskFailpoint } from './failpoints.ts';
import type { Outbox } from './outbox.ts';
import { type InputOffsets, positionHeader, readPositionHeader } from './position.ts';
import type { RestoreProgress } from './restore-progress.ts';

/** How far a store has come, kept in the same atomic write as its entries. */
type StoreMark = {
  /** Changelog records before this offset are in the store. */
  readonly offset: number;
  /** The changelog that the offset is of, with its number of partitions: made anew, it is another one. */
  readonly changelog?: string;
  /** Input offsets that its entries stand for; absent while a commit of its former owner is in it by half. */
  readonly position?: InputOffsets;
  readonly digest: string;
  /** Of the schema that the digest was made with. */
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

export type StateOptions = {
  readonly name: string;
  readonly partition: number;
  readonly stores: readonly StoreDefinition[];
  readonly databases: DatabaseProvider;
  readonly cacheEntries: number;
  readonly log: Pick<Log, 'describeTopics' | 'consumer'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Committed input offsets by topic: how far copies of sources are restored. */
  readonly inputOffsets: ReadonlyMap<string, number>;
  readonly restore?: RestoreProgress;
  /** Another process has the task; this one follows it. */
  readonly isCopy?: boolean;
};

type OpenStore = {
  readonly definition: StoreDefinition;
  readonly store: CachedStore<unknown>;
  offset: number;
  /** Its name and its number of partitions. */
  changelog: string;
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
  #pending: Change[] = [];
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
      position: undefined,
    }));
  }

  static async open(options: StateOptions): Promise<TaskState> {
    try {
      return await TaskState.#attempt(options);
    } catch (error) {
      if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;
      options.logger.warn(
        { err: error, task: options.name },
        'a store is damaged; it is rebuilt from its changelog',
      );
      await options.databases.destroy(options.name);
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
      const { definition, store } = open;
      const dirty = store.takeDirty((entry) => refuse(definition.name, entry));
      for (const [i, entry] of dirty.entries()) {
        const headers = i === dirty.length - 1 ? [positionHeader(position)] : [];
        if (definition.logged)
          outbox.add(definition.changelog, this.#options.partition, { ...entry, headers });
        this.#pending.push(store.databaseChange(entry));
      }
      open.position = position;
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
    const changes = this.#pending;
    this.#pending = [];
    this.#committedAt = this.#options.clock.now();
    await this.#database.write([...changes, this.#marks()]);
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
    await this.#replayAll(this.#options.isCopy === true ? 'stable' : 'end');
    // Of a copy only the changelog says what it stands for: its owner may have committed since the offsets were read.
    if (this.#options.isCopy !== true) {
      for (const open of this.#stores) open.position = Object.fromEntries(this.#inputOffsets);
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
  }

  async #replayAll(end: 'stable' | 'end'): Promise<void> {
    const { restore } = this.#options;
    const ends: number[] = [];
    for (const { definition } of this.#stores) ends.push(await this.#endOf(definition, end));
    for (const [i, { offset }] of this.#stores.entries())
      restore?.expect(Math.max(0, (ends[i] ?? 0) - offset));
    for (const [i, open] of this.#stores.entries()) {
      await this.#replay(open, ends[i] ?? 0);
      // Nothing was ever written: empty is what the store was at the beginning of its inputs.
      if (open.offset === 0) open.position = {};
    }
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
    if (mark === undefined || (mark.changelog ?? open.changelog) !== open.changelog) return false;
    const tombstonesKept =
      topic?.cleanup.policy === 'compact' ? topic.cleanup.tombstoneRetentionMs : Infinity;
    const isExpired = mark.offset < until && this.#committedAt < this.#options.clock.now() - tombstonesKept;
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
    open.position = mark.position;
    if (mark.fingerprint === store.fingerprint) store.digest.set(Digest.fromHex(mark.digest));
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

  async #replay(open: OpenStore, until: number): Promise<void> {
    if (open.offset >= until) return;
    const source: TopicPartition = { topic: open.definition.changelog, partition: this.#options.partition };
    const consumer = await this.#options.log.consumer();
    try {
      consumer.assign([{ ...source, offset: open.offset }]);
      while (open.offset < until) {
        const batches = await consumer.poll(POLL_MS);
        this.#options.restore?.signal.throwIfAborted();
        for (const batch of batches) {
          const records: { key: Buffer; value: Buffer | null }[] = [];
          for (let i = 0; i < batch.count && batch.offset(i) < until; i++) {
            open.position = open.definition.logged ? readPositionHeader(batch, i) : undefined;
            const key = batch.key(i);
            const value = batch.value(i);
            if (key === null) continue;
            if (open.definition.logged || value === null) records.push({ key, value });
            else {
              const own = await this.#ownEncoding(open, value);
              if (own !== undefined) records.push({ key, value: own });
            }
          }
          const changes = await open.store.restore(records);
          const reached = Math.min(batch.nextOffset, until);
          this.#options.restore?.advance(reached - open.offset);
          open.offset = reached;
          if (!open.definition.logged) open.position = { [open.definition.changelog]: open.offset };
          await this.#database.write([...changes, this.#marks()]);
          step('restore.chunk');
          if (open.offset >= until) break;
        }
      }
    } finally {
      await consumer.close();
    }
  }

  /**
   * A source's record was written by somebody else: a copy holds it as the live task would have stored it, and passes
   * over what the live task has sent to the dead letters.
   */
  async #ownEncoding({ definition, store }: OpenStore, value: Buffer): Promise<Buffer | undefined> {
    try {
      return await store.reencode(value);
    } catch (error) {
      if (!isOfRecord(error)) throw error;
      this.#options.logger.warn(
        { err: error, store: definition.name },
        'an undecodable record is passed over',
      );
      return undefined;
    }
  }

  #marks(without: readonly OpenStore[] = []): Change {
    const stores = Object.fromEntries(
      this.#stores
        .filter((open) => !without.includes(open))
        .map(({ definition, store, offset, changelog, position }) => {
          const { fingerprint } = store;
          const digest = store.digest.toString();
          const mark: StoreMark = { offset, changelog, digest, fingerprint };
          return [definition.name, position === undefined ? mark : { ...mark, position }];
        }),
    );
    const marks: Marks = { stores, committedAt: this.#committedAt };
    return { key: MARKS_KEY, value: Buffer.from(JSON.stringify(marks)) };
  }
}

function step(name: TaskFailpoint): void {
  failpoint(name);
}
