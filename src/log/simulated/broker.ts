import type { Clock } from '#platform';
import { RetryableError } from '#platform';
import type { EncodedBatch } from '../batch.ts';
import { fenced, invalidTopic, keyRequired, topicMismatch, unknownTopic } from '../errors.ts';
import type { GroupReply, GroupRequest } from '../group-coordination.ts';
import { checkOffsetCommit } from '../offset-commit.ts';
import type {
  Appended,
  GroupMetadata,
  OffsetCommit,
  TopicDescription,
  TopicPartition,
  TopicSpec,
} from '../port.ts';
import { Groups } from './groups.ts';
import { SimulatedPartition, type TransactionMark } from './partition.ts';

type Topic = { readonly spec: TopicSpec; readonly partitions: readonly SimulatedPartition[] };

/** A transaction from its first append or offset on. */
type Transaction = TransactionMark & {
  readonly begunAt: number;
  readonly appended: Map<SimulatedPartition, { baseOffset: number; nextOffset: number }>;
  readonly offsets: { readonly group: string; readonly commit: OffsetCommit }[];
  /** Once decided it is carried through, whoever comes. */
  ending: Promise<void> | undefined;
};

type ProducerState = { epoch: number; transaction: Transaction | undefined };

/** Which of a producer's requests. */
export type RequestNumber = { readonly producer: object; readonly number: number };

/** An open transaction whose producer is silent is aborted after this long, as by Kafka's transaction.timeout.ms. */
const TRANSACTION_TIMEOUT_MS = 60_000;

const nameOf = (at: TopicPartition) => `${at.topic}/${at.partition}`;

/** What the clients of one simulated log share: the state of a cluster, without its delays. */
export class Broker {
  readonly #clock: Clock;
  readonly #topics = new Map<string, Topic>();
  readonly #producers = new Map<string, ProducerState>();
  readonly #groups = new Groups();
  readonly #waiting = new Set<() => void>();
  readonly #answered = new WeakMap<object, { readonly number: number; readonly reply: unknown }>();
  readonly #delay: () => Promise<void>;
  #failures = 0;
  #writes = 0;

  constructor(clock: Clock, delay: () => Promise<void>) {
    this.#clock = clock;
    this.#delay = delay;
  }

  /** Resolves at the next change of anything, after `timeoutMs`, or when `signal` aborts. */
  async changed(timeoutMs: number, signal: AbortSignal): Promise<'changed' | 'timeout'> {
    const timer = new AbortController();
    let happened: 'changed' | 'timeout' = 'timeout';
    const wake = () => {
      happened = 'changed';
      // With a reason: making one, with its stack, would take longer than all the rest.
      timer.abort(happened);
    };
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake);
    await this.#clock.sleep(timeoutMs, timer.signal);
    signal.removeEventListener('abort', wake);
    this.#waiting.delete(wake);
    return happened;
  }

  /** Counts batches, control records and changes of offsets. */
  get writes(): number {
    return this.#writes;
  }

  notify(): void {
    for (const wake of [...this.#waiting]) wake();
  }

  createTopics(specs: readonly TopicSpec[]): void {
    for (const spec of specs) this.#checkSpec(spec);
    for (const spec of specs) {
      if (this.#topics.has(spec.name)) continue;
      const partitions = Array.from(
        { length: spec.partitions },
        (_, partition) => new SimulatedPartition({ topic: spec.name, partition }),
      );
      const { name, cleanup } = spec;
      this.#topics.set(name, {
        spec: { name, partitions: spec.partitions, cleanup: { ...cleanup } },
        partitions,
      });
    }
    this.notify();
  }

  #checkSpec({ name, partitions, cleanup }: TopicSpec): void {
    if (!/^[a-zA-Z0-9._-]{1,249}$/.test(name)) throw invalidTopic(name, 'the name is not allowed');
    if (!(Number.isInteger(partitions) && partitions > 0))
      throw invalidTopic(name, `${partitions} partitions`);
    const known = this.#topics.get(name)?.spec;
    const shape = (spec: Omit<TopicSpec, 'name'>) =>
      `${spec.partitions} partitions, ${JSON.stringify(Object.entries(spec.cleanup).sort())}`;
    const wanted = shape({ partitions, cleanup });
    if (known !== undefined && shape(known) !== wanted) throw topicMismatch(name, shape(known), wanted);
  }

  deleteTopics(names: readonly string[]): void {
    for (const name of names) if (!this.#topics.has(name)) throw unknownTopic(name);
    for (const name of names) {
      this.#topics.delete(name);
      this.#groups.forgetTopic(name);
    }
    this.notify();
  }

  describe(names: readonly string[] = [...this.#topics.keys()]): readonly TopicDescription[] {
    this.#abortSilent();
    return names.map((name) => {
      const topic = this.#topics.get(name);
      if (topic === undefined) throw unknownTopic(name);
      return { ...topic.spec, offsets: topic.partitions.map((partition) => partition.offsets) };
    });
  }

  partition({ topic, partition }: TopicPartition): SimulatedPartition {
    this.#abortSilent();
    const partitions = this.#topics.get(topic)?.partitions;
    if (partitions === undefined) throw unknownTopic(topic);
    const found = partitions[partition];
    if (found === undefined) throw unknownTopic(topic, partition);
    return found;
  }

  #appendable(at: TopicPartition, batches: readonly EncodedBatch[]): SimulatedPartition {
    const partition = this.partition(at);
    const compacted = this.#topics.get(at.topic)?.spec.cleanup.policy === 'compact';
    if (compacted && batches.some((batch) => batch.hasNullKey)) throw keyRequired(at);
    if (this.#failures > 0) {
      this.#failures--;
      throw new RetryableError('MR_LOG_UNAVAILABLE', `${nameOf(at)} has no leader at the moment`, {
        hint: 'nothing was written: retry',
      });
    }
    return partition;
  }

  /** Does once what a producer asks for, however often the request arrives: an idempotent producer's are numbered. */
  once<T>({ producer, number }: RequestNumber, work: () => T): T {
    const last = this.#answered.get(producer);
    if (last?.number === number) return last.reply as T;
    const reply = work();
    this.#answered.set(producer, { number, reply });
    return reply;
  }

  append(at: TopicPartition, batches: readonly EncodedBatch[]): Appended {
    const written = this.#appendable(at, batches).append(batches);
    this.#writes++;
    this.notify();
    return { topic: at.topic, partition: at.partition, ...written };
  }

  /** Fences earlier producers of the id and ends what they have left open. */
  async beginProducer(transactionalId: string): Promise<number> {
    const state = this.#producers.get(transactionalId) ?? { epoch: -1, transaction: undefined };
    this.#producers.set(transactionalId, state);
    const epoch = ++state.epoch;
    await this.#end(state, 'aborted');
    return epoch;
  }

  #producer(transactionalId: string, epoch: number): ProducerState {
    const state = this.#producers.get(transactionalId);
    if (state === undefined || state.epoch !== epoch) throw fenced(transactionalId);
    return state;
  }

  #transaction(transactionalId: string, epoch: number): Transaction {
    const state = this.#producer(transactionalId, epoch);
    state.transaction ??= {
      transactionalId,
      begunAt: this.#clock.now(),
      appended: new Map(),
      offsets: [],
      ending: undefined,
    };
    return state.transaction;
  }

  appendTo(
    transactionalId: string,
    epoch: number,
    at: TopicPartition,
    batches: readonly EncodedBatch[],
  ): void {
    this.#producer(transactionalId, epoch);
    const partition = this.#appendable(at, batches);
    this.#writes++;
    const transaction = this.#transaction(transactionalId, epoch);
    const { baseOffset, nextOffset } = partition.append(batches, transaction);
    const first = transaction.appended.get(partition)?.baseOffset ?? baseOffset;
    transaction.appended.set(partition, { baseOffset: first, nextOffset });
    this.notify();
  }

  sendOffsets(
    transactionalId: string,
    epoch: number,
    group: GroupMetadata,
    offsets: readonly OffsetCommit[],
  ): void {
    this.#producer(transactionalId, epoch);
    this.#checkOffsets(group, offsets);
    const transaction = this.#transaction(transactionalId, epoch);
    for (const commit of offsets) transaction.offsets.push({ group: group.group, commit });
  }

  async endTransaction(
    transactionalId: string,
    epoch: number,
    outcome: 'committed' | 'aborted',
  ): Promise<readonly Appended[]> {
    const state = this.#producer(transactionalId, epoch);
    const { transaction } = state;
    await this.#end(state, outcome);
    if (transaction === undefined || outcome === 'aborted') return [];
    return [...transaction.appended].map(([{ topic, partition }, range]) => ({ topic, partition, ...range }));
  }

  /** Writes the control records, one partition after the other: between them readers see some partitions and not others. */
  #end(state: ProducerState, outcome: 'committed' | 'aborted'): Promise<void> {
    const { transaction } = state;
    if (transaction === undefined) return Promise.resolve();
    transaction.ending ??= this.#carryThrough(state, transaction, outcome);
    return transaction.ending;
  }

  async #carryThrough(
    state: ProducerState,
    transaction: Transaction,
    outcome: 'committed' | 'aborted',
  ): Promise<void> {
    for (const partition of transaction.appended.keys()) {
      await this.#delay();
      if (state.transaction !== transaction) return;
      partition.end(transaction, outcome);
      this.notify();
    }
    await this.#delay();
    if (state.transaction !== transaction) return;
    if (outcome === 'committed')
      for (const { group, commit } of transaction.offsets) this.#groups.commit(group, commit);
    state.transaction = undefined;
    this.#writes++;
    this.notify();
  }

  #abortSilent(): void {
    const now = this.#clock.now();
    for (const state of this.#producers.values()) {
      const { transaction } = state;
      if (transaction === undefined || transaction.ending !== undefined) continue;
      if (now - transaction.begunAt < TRANSACTION_TIMEOUT_MS) continue;
      state.epoch++;
      void this.#end(state, 'aborted');
    }
  }

  #checkOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    this.#groups.checkGeneration(group);
    for (const commit of offsets) {
      this.partition(commit);
      checkOffsetCommit(commit);
    }
  }

  commitOffsets(group: GroupMetadata, offsets: readonly OffsetCommit[]): void {
    this.#checkOffsets(group, offsets);
    for (const commit of offsets) this.#groups.commit(group.group, commit);
    this.notify();
  }

  get groupNames(): readonly string[] {
    return this.#groups.names;
  }

  /** Undefined while an open transaction holds offsets of one of the partitions. */
  committed(
    group: string,
    partitions: readonly TopicPartition[],
  ): readonly (OffsetCommit | undefined)[] | undefined {
    this.#abortSilent();
    const asked = new Set(partitions.map(nameOf));
    for (const { transaction } of this.#producers.values()) {
      const pending = transaction?.offsets.some((o) => o.group === group && asked.has(nameOf(o.commit)));
      if (pending) return undefined;
    }
    return partitions.map((at) => this.#groups.committed(group, at));
  }

  coordinate(request: GroupRequest): GroupReply {
    const revision = this.#groups.revision(request.group);
    const reply = this.#groups.coordinate(request);
    if (this.#groups.revision(request.group) !== revision) this.notify();
    return reply;
  }

  groupRevision(group: string): number {
    return this.#groups.revision(group);
  }

  failNextAppends(count: number): void {
    this.#failures = count;
  }

  /** See Faults.checkpoint. */
  checkpoint(): (() => void) | undefined {
    for (const { transaction } of this.#producers.values())
      if (transaction?.ending !== undefined) return undefined;
    const names = new Set(this.#topics.keys());
    const parts = [...this.#topics.values()].flatMap(({ partitions }) => partitions);
    const restores = [...parts, this.#groups].map((part) => part.checkpoint());
    return () => {
      for (const state of this.#producers.values()) {
        state.epoch++;
        state.transaction = undefined;
      }
      for (const name of [...this.#topics.keys()]) if (!names.has(name)) this.#topics.delete(name);
      for (const restore of restores) restore();
      this.#writes++;
      this.notify();
    };
  }

  /** Retention and compaction of every topic; returns the number of batches expired and of records compacted. */
  clean(): { expiredBatches: number; compactedRecords: number } {
    const cleaned = { expiredBatches: 0, compactedRecords: 0 };
    for (const { spec, partitions } of this.#topics.values()) {
      const { cleanup } = spec;
      for (const partition of partitions) {
        if (cleanup.policy === 'compact') {
          cleaned.compactedRecords += partition.compact(this.#clock.now(), cleanup.tombstoneRetentionMs);
        } else if (cleanup.retentionMs !== null)
          cleaned.expiredBatches += partition.expire(cleanup.retentionMs, this.#clock.now());
      }
    }
    this.notify();
    return cleaned;
  }
}
