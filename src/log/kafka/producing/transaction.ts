import { MAX_BATCH_BYTES } from '../../batch.ts';
import { keyRequired } from '../../errors.ts';
import type { Appended, GroupMetadata, OffsetCommit, Records, TopicPartition } from '../../port.ts';
import type { KafkaMember } from '../groups/offsets.ts';
import { isCompacted } from '../topics/topic-configs.ts';
import type { Cluster } from '../wire/cluster.ts';
import { assertKnown } from '../wire/leaders.ts';
import type { TransactionCoordinator } from './coordinator.ts';
import { step } from './failpoints.ts';
import { Append, hasNullKey, parcels } from './gathered.ts';
import type { Parcel, ProducerIdentity } from './partition-queue.ts';
import type { Sender } from './sender.ts';
import { offsetsError } from './transaction-errors.ts';

/** How the brokers call a group's member. */
export type GroupMembers = { member(metadata: GroupMetadata): KafkaMember };

/** What a transaction is made with. */
export type TransactionEnvironment = {
  readonly cluster: Cluster;
  readonly coordinator: TransactionCoordinator;
  readonly groups: GroupMembers;
  readonly sender: Sender;
  /** As whom it is written, when the transaction before has come to its end. */
  readonly begin: () => Promise<ProducerIdentity>;
};

/** What the transaction has for one partition. */
type Lane = TopicPartition & {
  /** Not on its way yet. */
  waiting: Append[];
  waitingBytes: number;
  /** The brokers have been told that the partition takes part. */
  isAdded: boolean;
  baseOffset: number | undefined;
  nextOffset: number;
};

type GroupCommit = { readonly group: GroupMetadata; readonly offsets: Map<string, OffsetCommit> };

/** `next`: as whom the producer goes on. */
export type Committed = { readonly appended: readonly Appended[]; readonly next: ProducerIdentity };

/**
 * One transaction. What is appended in one turn of the event loop goes together; where that fills a batch it goes before the
 * commit, so that a long transaction is on the brokers when it ends. The order of requests:
 *
 *     AddPartitionsToTxn   with AddOffsetsToTxn, where the protocol wants them
 *     Produce              with TxnOffsetCommit
 *     EndTxn
 */
export class Transaction {
  readonly #environment: TransactionEnvironment;
  readonly #lanes = new Map<string, Lane>();
  readonly #groups = new Map<string, GroupCommit>();
  /** Parts of it on their way, one after the other. */
  #sending: Promise<void> = Promise.resolve();
  #isScheduled = false;
  #isEnding = false;
  #hasBegun = false;
  #failure: { readonly error: unknown } | undefined;

  constructor(environment: TransactionEnvironment) {
    this.#environment = environment;
  }

  /** Whether the brokers may know of it. */
  get hasBegun(): boolean {
    return this.#hasBegun;
  }

  append(topic: string, partition: number, records: Records): void {
    // It will not be committed: nothing more needs be kept.
    if (this.#failure !== undefined || records.length === 0) return;
    const lane = this.#lane(topic, partition);
    const appended = ({ baseOffset, nextOffset }: { baseOffset: number; nextOffset: number }) => {
      lane.baseOffset ??= baseOffset;
      lane.nextOffset = nextOffset;
    };
    const append = new Append(records, appended, (error) => this.#fail(error));
    lane.waiting.push(append);
    lane.waitingBytes += append.bytes;
    if (lane.waitingBytes >= MAX_BATCH_BYTES) this.#schedule();
  }

  /** `offsets` are ones that the port lets pass. */
  sendOffsets({ group, memberId, generation }: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    const name = `${group}\n${memberId}\n${generation}`;
    const commit = this.#groups.get(name) ?? { group: { group, memberId, generation }, offsets: new Map() };
    for (const offset of offsets) commit.offsets.set(`${offset.topic}/${offset.partition}`, offset);
    if (commit.offsets.size > 0) this.#groups.set(name, commit);
  }

  /**
   * Undefined: there was nothing. Rejects with the first thing that went wrong, as the brokers have put it; then `abandon` has
   * to follow.
   */
  async commit(): Promise<Committed | undefined> {
    const { coordinator, sender } = this.#environment;
    this.#isEnding = true;
    const commits = [...this.#groups.values()];
    this.#send(({ waiting }) => waiting.length > 0, commits);
    await this.#sending;
    this.#assertSound();
    if (!this.#hasBegun) return undefined;
    const identity = await this.#begin();
    this.#sending = this.#commitOffsets(identity, commits);
    await sender.drained();
    this.#assertSound();
    step('kafka.transaction.appended');
    await this.#sending;
    this.#assertSound();
    step('kafka.transaction.offsets');
    const next = await coordinator.commit(identity);
    step('kafka.transaction.committed');
    const appended = [...this.#lanes.values()].map(({ topic, partition, baseOffset = 0, nextOffset }) => ({
      topic,
      partition,
      baseOffset,
      nextOffset,
    }));
    return { appended, next };
  }

  /** Sends nothing more, and resolves when all that was sent has come back. */
  async abandon(cause: unknown): Promise<void> {
    this.#isEnding = true;
    this.#fail(cause);
    await this.#sending;
    await this.#environment.sender.drained();
  }

  async #begin(): Promise<ProducerIdentity> {
    const identity = await this.#environment.begin();
    this.#hasBegun = true;
    return identity;
  }

  #lane(topic: string, partition: number): Lane {
    const name = `${topic}/${partition}`;
    let lane = this.#lanes.get(name);
    if (lane === undefined) {
      lane = {
        topic,
        partition,
        waiting: [],
        waitingBytes: 0,
        isAdded: false,
        baseOffset: undefined,
        nextOffset: 0,
      };
      this.#lanes.set(name, lane);
    }
    return lane;
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    this.#environment.sender.abandon(error);
  }

  #assertSound(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  /** At the end of this turn of the event loop, when a commit may have come already. */
  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      if (!this.#isEnding) this.#send(({ waitingBytes }) => waitingBytes >= MAX_BATCH_BYTES);
    });
  }

  #send(concerns: (lane: Lane) => boolean, commits: readonly GroupCommit[] = []): void {
    this.#sending = this.#sending.then(async () => {
      try {
        const lanes = [...this.#lanes.values()].filter(concerns);
        if (this.#failure === undefined) await this.#sendLanes(lanes, commits);
      } catch (error) {
        this.#fail(error);
      }
    });
  }

  async #sendLanes(lanes: readonly Lane[], commits: readonly GroupCommit[]): Promise<void> {
    const { cluster, coordinator, sender } = this.#environment;
    const ready: (readonly [Lane, readonly Parcel[]])[] = [];
    for (const lane of lanes) {
      const appends = lane.waiting;
      lane.waiting = [];
      lane.waitingBytes = 0;
      await this.#check(lane, appends);
      ready.push([lane, parcels(appends, MAX_BATCH_BYTES)]);
    }
    for (const { offsets } of commits) for (const at of offsets.values()) await assertKnown(cluster, at);
    this.#assertSound();
    const added = lanes.filter(({ isAdded }) => !isAdded);
    if (added.length > 0 || commits.length > 0) {
      const groups = new Set(commits.map(({ group: { group } }) => group));
      await coordinator.announce(await this.#begin(), added, groups);
      for (const lane of added) lane.isAdded = true;
      step('kafka.transaction.begun');
      this.#assertSound();
    }
    for (const [{ topic, partition }, all] of ready) {
      const queue = sender.queue(topic, partition);
      for (const parcel of all) sender.send(queue, parcel);
    }
  }

  /** Errors: MR_LOG_UNKNOWN_TOPIC, MR_LOG_KEY_REQUIRED. */
  async #check(at: TopicPartition, appends: readonly Append[]): Promise<void> {
    const { cluster } = this.#environment;
    await assertKnown(cluster, at);
    if (!appends.some(({ records }) => hasNullKey(records))) return;
    if (await isCompacted(cluster, at.topic)) throw keyRequired(at);
  }

  async #commitOffsets(identity: ProducerIdentity, commits: readonly GroupCommit[]): Promise<void> {
    const { coordinator, groups } = this.#environment;
    for (const { group, offsets } of commits) {
      try {
        const member = groups.member(group);
        const isWanted = () => this.#failure === undefined;
        await coordinator.commitOffsets(identity, group.group, member, [...offsets.values()], isWanted);
      } catch (error) {
        this.#fail(offsetsError(error, group));
        return;
      }
    }
  }
}
