import { Backoff, errorCode, invariant, type Metrics, RetryableError } from '#platform';
import { acceptTopology } from '../topology/generations/acceptance.ts';
import { type MemberMetadata, type TaskId, type TaskOwners, tasksOf } from './assignment/assignment.ts';
import { Rebalance } from './assignment/rebalance.ts';
import { CommitCadence } from './commit/cadence.ts';
import {
  type Committer,
  commitTasks,
  DamagedTaskError,
  openCommitter,
  uncommittedBytes,
} from './commit/commit.ts';
import { journalTopic } from './commit/journal.ts';
import { step } from './failpoints.ts';
import { GlobalTables } from './global/global-tables.ts';
import { bufferedBytes, FETCH_BYTES, Fetching, gatheringMs, isBehind } from './input/fetching.ts';
import { IdleInputs } from './input/idle-inputs.ts';
import { OwnedTasks } from './owned-tasks.ts';
import { type CompleteOptions, RUNTIME_DEFAULTS, type RuntimeOptions } from './runtime-options.ts';
import type { Standby } from './standby.ts';
import type { RuntimeStatus } from './status/status.ts';
import type { Task } from './task.ts';

const BACKOFF = { firstMs: 100, longestMs: 5_000 };
/** With these pauses it takes about five minutes to get there. */
const MOST_FAILURES = 60;

/**
 * Runs the tasks of a topology that the group assigns to this member: fetches, processes, commits. One transaction of
 * the log holds the outputs, changelog records and input offsets of all of its tasks. Tasks come and go (Rebalance)
 * while the others run; what a passing fault of the log interrupts is dropped and done again.
 */
export class StreamsRuntime {
  readonly #options: CompleteOptions;
  readonly #metrics: ReturnType<typeof runtimeMetrics>;
  readonly #rebalance: Rebalance;
  readonly #tasks: OwnedTasks;
  /** Read again each round, behind the fetch: so a record finds the rows that were readable before it. */
  readonly #globalTables: GlobalTables;
  readonly #idleInputs = new IdleInputs();
  readonly #backoff: Backoff;
  readonly #cadence: CommitCadence;
  /** Tasks whose stores were found damaged. */
  readonly #suspects = new Set<string>();
  #isHeldUp = false;
  #fetching: Fetching | undefined;
  #committer: Committer | undefined;
  #commitMs: number | null = null;
  /** Whether the last round read nothing and committed nothing. */
  #foundNothing = false;

  constructor(options: RuntimeOptions) {
    this.#options = { ...RUNTIME_DEFAULTS, ...options };
    const { topology, clock, logger, metrics, instanceId, journal } = this.#options;
    const { commitIntervalMs, catchUpCommitIntervalMs } = this.#options;
    const group = `${topology.name}-${topology.generation}`;
    this.#metrics = runtimeMetrics(metrics);
    this.#backoff = new Backoff(clock, BACKOFF);
    this.#cadence = new CommitCadence(commitIntervalMs, catchUpCommitIntervalMs);
    const nodes = topology.subTopologies.flatMap((subTopology) => subTopology.nodes);
    this.#globalTables = new GlobalTables(instanceId, nodes, this.#options);
    this.#tasks = new OwnedTasks({
      ...this.#options,
      globalRows: this.#globalTables.rowsOf,
      group,
      journalTopic: journal ? journalTopic(topology).name : undefined,
      refusals: new Map(),
      suspects: this.#suspects,
    });
    this.#rebalance = new Rebalance({
      ...this.#options,
      logger,
      group,
      memberId: instanceId,
      topics: topology.subTopologies.flatMap(({ sources }) => sources.map(({ topic }) => topic.name)),
      assignment: { tasks: tasksOf(topology), standbys: this.#options.standbys },
      metadata: () => this.#metadata(),
    });
  }

  /** The tasks that run; those that are still being restored are not among them. */
  get tasks(): readonly Task[] {
    return this.#tasks.running;
  }

  /** Copies of others' tasks that can be read from. */
  get standbyTasks(): readonly Standby[] {
    return this.#tasks.standbys.filter(({ isOpen }) => isOpen);
  }

  /** This member's copies of global tables, for tests. */
  get globalTables(): Pick<GlobalTables, 'entries' | 'databases'> {
    return this.#globalTables;
  }

  /** Who has which task, by task name, as of the group's last round. */
  owners(): ReadonlyMap<string, TaskOwners> {
    return this.#rebalance.share.owners;
  }

  /** What this member is doing now: inputs with their lag, watermarks, restores. */
  status(): RuntimeStatus {
    return {
      memberId: this.#options.instanceId,
      isRebalancing: this.#rebalance.isUnderWay,
      bufferedBytes: bufferedBytes(this.tasks),
      commitMs: this.#commitMs,
      tasks: this.#tasks.status((place) => this.#fetching?.end(place)),
    };
  }

  /**
   * Creates the topology's internal topics, joins the group, and restores the assigned tasks. Errors:
   * MR_TOPOLOGY_STATE_CHANGED where the topology does not fit the state that it has left.
   */
  async start(): Promise<void> {
    const { log, topology, bufferBytes, journal } = this.#options;
    await acceptTopology(this.#options);
    if (journal) await log.createTopics([journalTopic(topology)]);
    // Fences whatever is left of an earlier process of this name before its offsets are read.
    this.#committer = await this.#openCommitter();
    const consumer = await log.consumer({ maxBytes: Math.min(FETCH_BYTES, bufferBytes / 4) });
    this.#fetching = new Fetching(consumer, this.#options, this.#idleInputs, this.#metrics.read);
    await this.#readGlobalTables();
    await this.#join();
    await this.#opened();
    this.#fetching.assign(this.tasks);
  }

  #readGlobalTables(): Promise<void> {
    return this.#globalTables.catchUp(() => this.#rebalance.keepAlive());
  }

  /** Waits for what is being restored. An expelled member holds stores that others, perhaps in this process, need. */
  async #opened(): Promise<void> {
    await this.#beatingUntil(this.#tasks.opened(), async () => {
      // Those of the old membership are given up, those of the new one waited for.
      if (this.#rebalance.isExpelled) await this.#joinAnew();
    });
  }

  /**
   * Waits for `work` while still heartbeating: else the group would go on without a member that waits for long, for a
   * schema most of all. `onBeat` is called as often.
   */
  async #beatingUntil<T>(work: Promise<T>, onBeat: () => Promise<void> | void): Promise<T> {
    const { clock, heartbeatIntervalMs } = this.#options;
    let isDone = false;
    const noteDone = () => {
      isDone = true;
    };
    const over = work.then(noteDone, noteDone);
    for (;;) {
      const waiting = new AbortController();
      await Promise.race([over, clock.sleep(heartbeatIntervalMs, waiting.signal)]);
      waiting.abort();
      if (isDone) return work;
      this.#rebalance.keepAlive();
      await onBeat();
    }
  }

  #openCommitter(): Promise<Committer> {
    const { guarantee, log, instanceId, topology } = this.#options;
    const transactionalId = `${topology.name}-${topology.generation}-${instanceId}`;
    return openCommitter(guarantee, log, transactionalId, this.#rebalance);
  }

  /**
   * Runs until `signal` aborts, commits what is done, leaves the group and closes. Rejects when it can't go on: with the
   * error of a fault that lasted for minutes, or of one that does not pass.
   */
  async run(signal: AbortSignal): Promise<void> {
    try {
      while (!signal.aborted) await this.runOnce(this.#options.commitIntervalMs, signal);
      const uncommitted = this.tasks.filter((task) => task.hasUncommitted);
      if (uncommitted.length > 0) await this.#commitOrJoinAnew(uncommitted);
      // Stores are closed before the others are told, so that they find them free.
      await this.leave();
    } finally {
      await this.close();
    }
  }

  /**
   * One round: fetch (waiting up to `waitMs` for something), process a batch of each task, commit when it is time. Gives
   * the number of records processed.
   */
  async runOnce(waitMs: number, signal?: AbortSignal): Promise<number> {
    try {
      const processed = await this.#round(waitMs);
      this.#noteGoingOn();
      return processed;
    } catch (error) {
      if (!isTransient(error) || this.#backoff.failures >= MOST_FAILURES) throw error;
      const { logger } = this.#options;
      logger.warn({ err: error }, 'a transient fault; uncommitted work is dropped and redone');
      this.#metrics.retries.inc({ reason: errorCode(error) ?? 'unknown' });
      this.#noteHeldUp(error instanceof Error ? error.message : String(error));
      await this.#drop();
      await this.#backoff.wait(signal);
      return 0;
    }
  }

  /** Rounds of up to `waitMs` until everything that is readable has been processed and committed. */
  async runUntilCaughtUp(waitMs: number = this.#options.commitIntervalMs): Promise<void> {
    do await this.runOnce(waitMs);
    while (!this.isCaughtUp);
  }

  /** Whether tasks are on their way to this member or from it, or are being restored. */
  get isMoving(): boolean {
    return this.#rebalance.isUnderWay || this.#tasks.isOpening;
  }

  /** Whether everything readable has been processed and committed, as of the last round. */
  get isCaughtUp(): boolean {
    if (!this.#foundNothing || this.isMoving) return false;
    return this.tasks.every(
      (task) => !task.hasUncommitted && task.input.partitions.every((input) => input.hasNothingDue),
    );
  }

  /** Closes everything without a commit: what was not committed is processed again by the next owner. */
  async close(): Promise<void> {
    await this.#tasks.closeAll();
    await this.#globalTables.close();
    await this.#committer?.close();
    await this.#fetching?.close();
  }

  /** Gives up what is not committed and leaves the group, so that others take over at once. */
  async leave(): Promise<void> {
    await this.#tasks.closeAll();
    await this.#rebalance.leave();
  }

  async #round(waitMs: number): Promise<number> {
    await this.#prepare();
    const fetching = this.#require(this.#fetching);
    const isPause = !this.tasks.some((task) => task.hasProcessed);
    const fetched = await fetching.fetch(this.tasks, this.#waitFor(waitMs));
    // What this round commits, the next one may find in the log again.
    this.#foundNothing = fetched === 0;
    await this.#readGlobalTables();
    await this.#idleInputs.followWallClock(this.tasks, this.#options);
    if (isPause) this.#cadence.endPause(this.#options.clock.monotonic());
    let processed = 0;
    for (const task of this.tasks) {
      // A commit on the way may have found that the group went on without us.
      if (!this.tasks.includes(task)) continue;
      processed += await this.#process(task);
      await this.#commitIfDue();
    }
    if (this.isCaughtUp) this.#backoff.reset();
    return processed;
  }

  /** Takes note of what the group and the restores have come to meanwhile. */
  async #prepare(): Promise<void> {
    this.#committer ??= await this.#openCommitter();
    const news = this.#rebalance.look();
    if (news === 'expelled') await this.#joinAnew();
    else if (news === 'share') await this.#takeUp();
    else if (!this.#holdsShare()) this.#tasks.takeUp(this.#rebalance.share);
    if (this.#tasks.absorb()) this.#require(this.#fetching).assign(this.tasks);
    this.#tasks.followOthers();
  }

  #holdsShare(): boolean {
    return this.#tasks.held.length === this.#rebalance.share.active.length;
  }

  async #process(task: Task): Promise<number> {
    const { clock, batchRecords } = this.#options;
    try {
      const begun = clock.monotonic();
      return await this.#beatingUntil(task.process(batchRecords), () => {
        const seconds = Math.round((clock.monotonic() - begun) / 1_000);
        if (seconds > 0)
          this.#noteHeldUp(`task ${task.name} has waited ${seconds} s for the data that a batch needs`);
      });
    } catch (error) {
      if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;
      await this.#discard(task.name, [task], error);
      return 0;
    }
  }

  /** Throws away the stores of a task, and what `closing` have not committed: their successors read it again. */
  async #discard(damaged: string, closing: readonly TaskId[], err: unknown): Promise<void> {
    const { databases, logger } = this.#options;
    logger.warn({ err, task: damaged }, 'a store is damaged; it is fully restored');
    await this.#tasks.close(closing);
    this.#suspects.add(damaged);
    await databases.destroy(damaged);
    this.#require(this.#fetching).assign(this.tasks);
  }

  #noteHeldUp(why: string): void {
    this.#isHeldUp = true;
    this.#options.onHeldUp?.(why);
  }

  #noteGoingOn(): void {
    if (!this.#isHeldUp) return;
    this.#isHeldUp = false;
    this.#options.onHeldUp?.(undefined);
  }

  /** How long a fetch may wait for records: not beyond the next commit. */
  #waitFor(waitMs: number): number {
    const longest = Math.min(waitMs, gatheringMs(this.tasks));
    if (!this.tasks.some((task) => task.hasProcessed)) return longest;
    return Math.max(0, Math.min(longest, this.#cadence.untilDue(this.#options.clock.monotonic())));
  }

  get #isBehind(): boolean {
    return isBehind(this.tasks, this.#options.batchRecords);
  }

  async #commitIfDue(): Promise<void> {
    const { bufferBytes, clock } = this.#options;
    const now = clock.monotonic();
    if (!this.#cadence.isDue(now, this.#isBehind) && uncommittedBytes(this.tasks) < bufferBytes) return;
    const announces = this.#cadence.announces(now);
    const tasks = this.tasks.filter((task) => (announces ? task.hasUncommitted : task.hasProcessed));
    if (tasks.length > 0) {
      await this.#commitOrJoinAnew(tasks);
      this.#cadence.committed(now, clock.monotonic(), this.#isBehind);
    }
    if (announces) this.#cadence.announced(now);
  }

  async #commitOrJoinAnew(tasks: readonly Task[]): Promise<void> {
    this.#foundNothing = false;
    const start = this.#options.clock.monotonic();
    try {
      await commitTasks(tasks, this.#require(this.#committer));
    } catch (error) {
      // The others' outputs are gathered, and can't be gathered twice.
      if (error instanceof DamagedTaskError) return this.#discard(error.task, this.#tasks.held, error);
      if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
      return this.#joinAnew();
    }
    this.#backoff.reset();
    this.#commitMs = this.#options.clock.monotonic() - start;
    this.#metrics.commitMs.observe(this.#commitMs);
  }

  /** The group has gone on without us: what we hold uncommitted is another's to do again. */
  async #joinAnew(): Promise<void> {
    const { logger, instanceId } = this.#options;
    logger.warn(
      { member: instanceId },
      'the group continued without this member; uncommitted work is dropped',
    );
    await this.#tasks.close(this.#tasks.held);
    await this.#join();
  }

  async #join(): Promise<void> {
    await this.#rebalance.join();
    step('assignment.joined');
    this.#rebalance.look();
    await this.#takeUp();
  }

  /**
   * Commits and closes what is no longer ours, then begins the round that gives it to its next owner; begins to open
   * what is new. The others go on undisturbed.
   */
  async #takeUp(): Promise<void> {
    const { share } = this.#rebalance;
    const revoked = this.#tasks.others(share.active);
    if (revoked.length > 0) {
      const uncommitted = this.#tasks.suspend(revoked).filter((task) => task.hasUncommitted);
      if (uncommitted.length > 0) await this.#commitOrJoinAnew(uncommitted);
      // Unless the commit has led to another membership.
      if (this.#rebalance.share !== share) return;
      await this.#tasks.close(revoked);
      step('assignment.revoked');
    }
    this.#tasks.takeUp(share);
    this.#require(this.#fetching).assign(this.tasks);
    this.#rebalance.beginIfOwed();
  }

  /** Gives up what is not committed; the tasks are opened again by the next round. */
  async #drop(): Promise<void> {
    this.#foundNothing = false;
    await this.#tasks.close(this.#tasks.held);
    this.#require(this.#fetching).assign([]);
    // Another producer of the same name ends what this one may have left open, and so settles whether it has happened.
    const committer = this.#committer;
    this.#committer = undefined;
    await committer
      ?.close()
      .catch((err: unknown) => this.#options.logger.warn({ err }, 'a producer did not close'));
  }

  #metadata(): MemberMetadata {
    const { instanceId, processId = instanceId, endpoint } = this.#options;
    const standby = this.#tasks.standbys.map(({ id }) => id);
    const metadata = { process: processId, active: this.#tasks.held, standby };
    return endpoint === undefined ? metadata : { ...metadata, endpoint };
  }

  #require<T>(part: T | undefined): T {
    invariant(part !== undefined, 'the runtime has not been started');
    return part;
  }
}

/** Opening a task has already waited for a store's lock. */
function isTransient(error: unknown): boolean {
  return error instanceof RetryableError && errorCode(error) !== 'MR_STORE_LOCKED';
}

function runtimeMetrics(metrics: Metrics) {
  return {
    read: metrics.counter('engine_read_records_total', 'Records fetched by tasks.', ['topic']),
    commitMs: metrics.histogram('engine_commit_ms', 'Duration of a commit, log and stores.'),
    retries: metrics.counter('engine_retries_total', 'Times that uncommitted work was dropped and redone.', [
      'reason',
    ]),
  };
}
