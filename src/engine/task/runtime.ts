import { type Clock, errorCode, failpoint, invariant, type Logger, type Metrics } from '#platform';
import type { DeadLetter } from '#schemas';
import type { Consumer, Log, Membership, OffsetCommit, TransactionalProducer } from '../log/port.ts';
import type { Topic } from '../serde.ts';
import type { DatabaseProvider } from '../store/port.ts';
import type { SubTopology, Topology } from '../topology/topology.ts';
import { assignTasks, decodeTasks, encodeTasks, type TaskId, tasksOf } from './assignment.ts';
import type { RecordErrorPolicy } from './dead-letters.ts';
import type { TaskFailpoint } from './failpoints.ts';
import { IdleInputs } from './idle-inputs.ts';
import type { InputPartition } from './input.ts';
import { journalTopic } from './journal.ts';
import { Task, type TaskEnvironment } from './task.ts';

export type RuntimeOptions = {
  readonly log: Log;
  readonly topology: Topology;
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly deadLetters: Topic<string, DeadLetter>;
  readonly onRecordError?: RecordErrorPolicy;
  /** This process's name within the group: started again under it, it takes its tasks back at once. */
  readonly instanceId: string;
  readonly commitIntervalMs?: number;
  /** Records that a task takes at a time. */
  readonly batchRecords?: number;
  readonly cacheEntries?: number;
  /** Whether each commit is journalled, which verification needs; on by default. */
  readonly journal?: boolean;
};

/** A partition holds this many fetched records at most before fetching from it pauses. */
const BUFFERED_RECORDS = 20_000;
const SESSION_TIMEOUT_MS = 10_000;
const HEARTBEAT_INTERVAL_MS = 3_000;
/** A watermark that has no records to travel with is announced in one of so many commits. */
const ANNOUNCE_EVERY_COMMITS = 5;
const STORE_LOCK_RETRY_MS = 100;
const STORE_LOCK_PATIENCE_MS = 60_000;

/**
 * Runs the tasks of a topology that the group assigns to this process: fetches, processes, commits. One
 * transaction of the log holds the outputs, changelog records and input offsets of all of its tasks.
 */
export class StreamsRuntime {
  readonly #options: Required<RuntimeOptions>;
  readonly #environment: TaskEnvironment;
  readonly #metrics: ReturnType<typeof runtimeMetrics>;
  readonly #group: string;
  #membership: Membership | undefined;
  #consumer: Consumer | undefined;
  #producer: TransactionalProducer | undefined;
  #tasks: Task[] = [];
  #lastCommit = 0;
  #lastAnnounced = 0;
  #lastHeartbeat = 0;
  /** Whether the last round read nothing and committed nothing. */
  #foundNothing = false;
  readonly #idleInputs = new IdleInputs();

  constructor(options: RuntimeOptions) {
    this.#options = {
      onRecordError: 'dead-letter',
      commitIntervalMs: 100,
      batchRecords: 2_000,
      cacheEntries: 100_000,
      journal: true,
      ...options,
    };
    const journal = this.#options.journal ? journalTopic(options.topology) : undefined;
    this.#environment = { ...this.#options, journalTopic: journal?.name };
    this.#metrics = runtimeMetrics(options.metrics);
    this.#group = `${options.topology.name}-${options.topology.generation}`;
  }

  get tasks(): readonly Task[] {
    return this.#tasks;
  }

  /** Creates the topology's internal topics, joins the group, and restores the assigned tasks. */
  async start(): Promise<void> {
    const { log, topology, instanceId } = this.#options;
    await log.createTopics(topology.internalTopics);
    if (this.#options.journal) await log.createTopics([journalTopic(topology)]);
    // Fences whatever is left of an earlier process of this name before its offsets are read.
    this.#producer = await log.transactionalProducer(`${this.#group}-${instanceId}`);
    this.#consumer = await log.consumer();
    await this.#join();
  }

  /** Runs until `signal` aborts, commits what is done, and closes. Rejects when the process can't go on. */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.runOnce(this.#options.commitIntervalMs);
      await this.#commit(this.#tasks.filter((task) => task.hasUncommitted));
      await this.#membership?.leave();
    } finally {
      await this.close();
    }
  }

  /**
   * One round: fetch (waiting up to `waitMs` for something), process a batch of each task, commit when it is
   * time. Gives the number of records processed.
   */
  async runOnce(waitMs: number): Promise<number> {
    await this.#heartbeat();
    const fetched = await this.#fetch(this.#waitFor(waitMs));
    // What this round commits, the next one may find in the log again.
    this.#foundNothing = fetched === 0;
    this.#idleInputs.followWallClock(this.#tasks, this.#options.clock.now());
    let processed = 0;
    for (const task of this.#tasks) {
      // A commit on the way may have found that the group went on without us.
      if (!this.#tasks.includes(task)) continue;
      processed += await this.#process(task);
      await this.#commitIfDue();
    }
    return processed;
  }

  async #process(task: Task): Promise<number> {
    try {
      return await task.process(this.#options.batchRecords);
    } catch (error) {
      if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;
      this.#options.logger.warn({ err: error, task: task.name }, 'a store is damaged; it is restored whole');
      // What the task has not committed was in memory only: its successor reads it again.
      await task.close();
      this.#tasks = this.#tasks.filter((other) => other !== task);
      await this.#options.databases.destroy(task.name);
      await this.#takeUp(
        [...this.#tasks, task].map(({ subTopology, partition }) => ({ subTopology, partition })),
      );
      return 0;
    }
  }

  /** Whether everything readable has been processed and committed, as of the last round. */
  get isCaughtUp(): boolean {
    if (!this.#foundNothing) return false;
    return this.#tasks.every(
      (task) =>
        !task.hasUncommitted &&
        task.input.partitions.every(
          (input) =>
            input.fetchedAll && (input.bufferedRecords === 0 || input.node.release === 'at-watermark'),
        ),
    );
  }

  /** Closes everything without a commit: what was not committed is processed again by the next owner. */
  async close(): Promise<void> {
    await this.#closeTasks();
    await this.#producer?.close();
    await this.#consumer?.close();
  }

  async #closeTasks(): Promise<void> {
    await Promise.all(this.#tasks.map((task) => task.close()));
    this.#tasks = [];
  }

  async #fetch(waitMs: number): Promise<number> {
    const consumer = this.#require(this.#consumer);
    let batches = 0;
    const now = this.#options.clock.now();
    for (const batch of await consumer.poll(waitMs)) {
      const task = this.#tasks.find(
        (task) => task.partition === batch.partition && task.inputOf(batch.topic),
      );
      task?.buffer(batch);
      batches++;
      this.#metrics.read.inc({ topic: batch.topic }, batch.count);
      const input = task?.inputOf(batch.topic);
      if (input !== undefined) this.#idleInputs.sawRecords(input, now);
    }
    for (const { task, input } of this.#inputs()) {
      const place = { topic: input.node.topic.name, partition: task.partition };
      const end = consumer.end(place);
      input.fetchedAll = end !== undefined && (consumer.position(place) ?? 0) >= end;
      if (input.bufferedRecords > BUFFERED_RECORDS) consumer.pause([place]);
      else if (input.bufferedRecords < BUFFERED_RECORDS / 2) consumer.resume([place]);
    }
    return batches;
  }

  /** How long a fetch may wait for records: not beyond the next commit, not at all while some are at hand. */
  #waitFor(waitMs: number): number {
    for (const { input } of this.#inputs()) {
      if (input.bufferedRecords > 0 && input.node.release === 'on-arrival') return 0;
    }
    if (!this.#tasks.some((task) => task.hasProcessed)) return waitMs;
    const untilCommit = this.#lastCommit + this.#options.commitIntervalMs - this.#options.clock.monotonic();
    return Math.max(0, Math.min(waitMs, untilCommit));
  }

  async #commitIfDue(): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now - this.#lastCommit < this.#options.commitIntervalMs) return;
    const announces = now - this.#lastAnnounced >= ANNOUNCE_EVERY_COMMITS * this.#options.commitIntervalMs;
    const tasks = this.#tasks.filter((task) => (announces ? task.hasUncommitted : task.hasProcessed));
    if (tasks.length > 0) await this.#commitOrJoinAnew(tasks);
    this.#lastCommit = this.#options.clock.monotonic();
    if (announces) this.#lastAnnounced = now;
  }

  async #commitOrJoinAnew(tasks: readonly Task[]): Promise<void> {
    try {
      await this.#commit(tasks);
    } catch (error) {
      if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
      await this.#joinAnew();
    }
  }

  async #commit(tasks: readonly Task[]): Promise<void> {
    this.#foundNothing = false;
    const start = this.#options.clock.monotonic();
    const producer = this.#require(this.#producer);
    const offsets: OffsetCommit[] = [];
    for (const task of tasks) {
      offsets.push(...(await task.collect()));
      for (const { topic, partition, records } of task.outbox.drain())
        producer.append(topic, partition, records);
    }
    step('commit.collect');
    producer.sendOffsets(this.#require(this.#membership), offsets);
    step('commit.log.before');
    const appended = await producer.commit();
    step('commit.log.after');
    step('commit.store.before');
    for (const task of tasks) {
      await task.commit(appended);
      step('commit.store.between');
    }
    step('commit.store.after');
    this.#metrics.commitMs.observe(this.#options.clock.monotonic() - start);
  }

  async #heartbeat(): Promise<void> {
    const now = this.#options.clock.monotonic();
    if (now - this.#lastHeartbeat < HEARTBEAT_INTERVAL_MS) return;
    this.#lastHeartbeat = now;
    const membership = this.#require(this.#membership);
    const state = await membership.heartbeat();
    if (state === 'stable') return;
    if (state === 'expelled') return this.#joinAnew();
    await this.#commitOrJoinAnew(this.#tasks);
    // Unless the commit has led to another membership.
    if (this.#membership === membership) await this.#rejoin();
  }

  /** The group has gone on without us: what we hold uncommitted is another's to do again. */
  async #joinAnew(): Promise<void> {
    this.#options.logger.warn(
      { group: this.#group },
      'the group has gone on without us; uncommitted work is dropped',
    );
    await this.#closeTasks();
    await this.#join();
  }

  async #join(): Promise<void> {
    const { log, topology, instanceId } = this.#options;
    this.#membership = await log.joinGroup({
      group: this.#group,
      memberId: instanceId,
      metadata: encodeTasks([]),
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      assign: (members) => assignTasks(tasksOf(topology), members),
    });
    step('assignment.joined');
    await this.#takeUp(decodeTasks(this.#membership.assignment));
  }

  async #rejoin(): Promise<void> {
    const held = this.#tasks.map(
      (task): TaskId => ({ subTopology: task.subTopology, partition: task.partition }),
    );
    this.#membership = await this.#require(this.#membership).rejoin(encodeTasks(held));
    await this.#takeUp(decodeTasks(this.#membership.assignment));
  }

  /** Closes tasks that are no longer ours, opens those that are new; the others go on undisturbed. */
  async #takeUp(assigned: readonly TaskId[]): Promise<void> {
    const isAssigned = (task: Task) =>
      assigned.some((id) => id.subTopology === task.subTopology && id.partition === task.partition);
    for (const task of this.#tasks) if (!isAssigned(task)) await task.close();
    const kept = this.#tasks.filter(isAssigned);
    this.#tasks = kept;
    for (const id of assigned) {
      if (kept.some((task) => task.subTopology === id.subTopology && task.partition === id.partition))
        continue;
      // Kept at once: `close` finds it if a later one can't be opened.
      this.#tasks = [...this.#tasks, await this.#open(id)];
    }
    // Downstream sub-topologies are declared later: a record can pass through all of them in one round.
    const order = this.#options.topology.subTopologies.map(({ name }) => name);
    this.#tasks = this.#tasks.toSorted(
      (a, b) => order.indexOf(a.subTopology) - order.indexOf(b.subTopology) || a.partition - b.partition,
    );
    this.#require(this.#consumer).assign(this.#tasks.flatMap((task) => task.fetchPositions()));
  }

  async #open({ subTopology: name, partition }: TaskId): Promise<Task> {
    const { log, topology, clock } = this.#options;
    const subTopology = topology.subTopologies.find((candidate) => candidate.name === name);
    invariant(subTopology !== undefined, `there is no sub-topology ${name}`);
    const committed = await this.#committedOffsets(log, subTopology, partition);
    const deadline = clock.monotonic() + STORE_LOCK_PATIENCE_MS;
    for (;;) {
      try {
        return await Task.open(subTopology, partition, committed, this.#environment);
      } catch (error) {
        // The task's former owner on this machine may be closing its store still.
        if (errorCode(error) !== 'MR_STORE_LOCKED' || clock.monotonic() > deadline) throw error;
        await clock.sleep(STORE_LOCK_RETRY_MS);
      }
    }
  }

  async #committedOffsets(log: Log, { sources }: SubTopology, partition: number) {
    const places = sources.map(({ topic }) => ({ topic: topic.name, partition }));
    const offsets = await log.committedOffsets(this.#group, places);
    const committed = new Map<string, OffsetCommit>();
    for (const offset of offsets) if (offset !== undefined) committed.set(offset.topic, offset);
    for (const place of places) {
      if (committed.has(place.topic)) continue;
      const [description] = await log.describeTopics([place.topic]);
      committed.set(place.topic, { ...place, offset: description?.offsets[partition]?.start ?? 0 });
    }
    return committed;
  }

  *#inputs(): Generator<{ task: Task; input: InputPartition }> {
    for (const task of this.#tasks) for (const input of task.input.partitions) yield { task, input };
  }

  #require<T>(part: T | undefined): T {
    invariant(part !== undefined, 'the runtime has not been started');
    return part;
  }
}

function runtimeMetrics(metrics: Metrics) {
  return {
    read: metrics.counter('engine_read_records_total', 'Records that tasks have fetched.', ['topic']),
    commitMs: metrics.histogram('engine_commit_ms', 'Duration of a commit, log and stores.'),
  };
}

function step(name: TaskFailpoint): void {
  failpoint(name);
}
