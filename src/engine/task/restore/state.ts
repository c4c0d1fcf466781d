import type { Appended, Header, Log } from '#log';
import { errorCode, FatalError } from '#platform';
import type { Outbox } from '../../operators/outbox.ts';
import type { CachedStore, RefusedEntry } from '../../store/cached-store.ts';
import { prefixRange, storePrefix } from '../../store/database-keys.ts';
import type { Change, Database, DatabaseProvider, DatabaseSnapshot } from '../../store/port.ts';
import type { StoreChanges } from '../../store/store-changes.ts';
import type { StoreDefinition } from '../../topology/topology.ts';
import type { Guarantee } from '../commit/commit.ts';
import { type InputOffsets, positionHeader } from '../commit/position.ts';
import { step } from '../failpoints.ts';
import { type Found, MARKS_KEY, type Marks, OpenStore } from './open-store.ts';
import { Replay, type ReplayEnvironment } from './replay.ts';

export type StateOptions = ReplayEnvironment & {
  readonly name: string;
  readonly stores: readonly StoreDefinition[];
  readonly databases: DatabaseProvider;
  readonly cacheEntries: number;
  readonly log: Pick<Log, 'describeTopics' | 'consumer'>;
  /** The group whose offsets are the inputs', for messages. */
  readonly group?: string;
  /** Names of tasks whose changelogs may hold values that can't be decoded. */
  readonly suspects?: ReadonlySet<string>;
  /** Committed input offsets by topic: how far copies of sources are restored. */
  readonly inputOffsets: ReadonlyMap<string, number>;
  /** Another process has the task; this one follows it. */
  readonly isCopy?: boolean;
  /** Exactly once, a store and the inputs' offsets are committed together. */
  readonly guarantee?: Guarantee;
};

/** Headers of the record that a change of this key becomes. */
export type HeadersOf = (key: string) => readonly Header[] | undefined;

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
    this.#stores = options.stores.map((each) => new OpenStore(each, database, options.cacheEntries));
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
    headersOf?: HeadersOf,
  ): void {
    for (const open of this.#stores) {
      const changes = open.store.takeDirty((entry) => refuse(open.definition.name, entry));
      if (changes.length > 0) this.#pending.push(changes);
      if (changes.length > 0 && open.definition.logged) {
        const { changelog } = open.definition;
        this.#log(changes, changelog, outbox, headersOf);
        outbox.peek(changelog, this.#options.partition)?.addHeader(positionHeader(position));
      }
      open.position = position;
    }
  }

  /** Puts a store's changes into its changelog. */
  #log(changes: StoreChanges, changelog: string, outbox: Outbox, headersOf?: HeadersOf): void {
    const { partition } = this.#options;
    const bytes = { encode: (index: number) => changes.value(index) as Buffer, encodeInto: changes.copyInto };
    for (let i = 0; i < changes.length; i++) {
      const { key, timestamp } = changes.key(i);
      const headers = headersOf?.(key);
      if (changes.isDeletion(i)) outbox.put(changelog, partition, key, null, timestamp, headers);
      else outbox.putValue(changelog, partition, key, i, bytes, timestamp, headers);
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
    const { restore, suspects, name } = this.#options;
    const ends = new Map<OpenStore, number>();
    for (const open of this.#stores) ends.set(open, (await this.#find(open, end)).until);
    for (const [open, until] of ends) restore?.expect(Math.max(0, until - open.offset));
    for (const [open, until] of ends) {
      const kind = { isEmpty: emptied.includes(open), isSuspect: suspects?.has(name) === true };
      if (open.offset < until) {
        const replay = new Replay(open, this.#database, until, kind, this.#options);
        await replay.run((changes) => this.#write(open, changes));
      }
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
        hint: `stop all instances and run "millrace offsets set ${group} ${place} ${is.offset}"; or raise the topology's generation to reprocess everything`,
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
    const { name } = open.definition;
    const found = await this.#find(open);
    const { start, until } = found;
    const mark = marks?.stores[name];
    const taken = await open.takeOver(mark, this.#committedAt, found);
    if (taken === 'misfit') {
      this.#options.logger.warn(
        { task: this.#options.name, store: name, local: mark?.offset, start, end: until },
        'the local store does not match its changelog; it is fully restored',
      );
    }
    return taken === 'taken';
  }

  async #find(
    { definition: { logged, changelog } }: OpenStore,
    end: 'stable' | 'end' = 'end',
  ): Promise<Found> {
    const { log, partition, clock } = this.#options;
    const [topic] = await log.describeTopics([changelog]);
    const offsets = topic?.offsets[partition];
    const inputOffsets = this.#inputOffsets;
    // To process, not the stable offset: a transaction that a dead owner has left open holds it below what its
    // successor has committed, and the state would lack that. Replaying waits until the transaction is aborted.
    const until = (logged ? offsets?.[end] : inputOffsets.get(changelog)) ?? 0;
    return { topic, start: offsets?.start ?? 0, until, inputOffsets, now: clock.now() };
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

  #marks(without: readonly OpenStore[] = []): Change {
    const marked = this.#stores.filter((open) => !without.includes(open));
    const stores = Object.fromEntries(marked.map((open) => [open.definition.name, open.mark]));
    const marks: Marks = { stores, committedAt: this.#committedAt };
    return { key: MARKS_KEY, value: Buffer.from(JSON.stringify(marks)) };
  }
}
