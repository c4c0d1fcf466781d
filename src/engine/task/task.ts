import type { Appended, OffsetCommit, RecordBatch, TopicPartition } from '#log';
import { invariant, type Metrics, RetryableError } from '#platform';
import { isOfRecord, type Operator, type Step } from '../operators/operator.ts';
import { type OperatorCounts, OperatorFlow } from '../operators/operator-flow.ts';
import { Outbox } from '../operators/outbox.ts';
import type { Timers } from '../operators/processor.ts';
import { type RawRecord, RecordList } from '../operators/record.ts';
import type { SourceOperator } from '../operators/source.ts';
import type { DatabaseSnapshot } from '../store/port.ts';
import type { TimerQueue } from '../store/timer-queue.ts';
import { NO_WATERMARK, type WatermarkState } from '../time/watermark.ts';
import type { SubTopology } from '../topology/topology.ts';
import { buildOperators } from './build-operators.ts';
import { Heartbeats } from './commit/heartbeats.ts';
import { Journal } from './commit/journal.ts';
import type { JournalStore } from './commit/journal-format.ts';
import { DeadLetters } from './dead-letters.ts';
import { step } from './failpoints.ts';
import { type InputPartition, TaskInput } from './input/input.ts';
import { openStores, type TaskEnvironment, taskName } from './open-stores.ts';
import { RecordSpans } from './record-spans.ts';
import type { TaskState } from './restore/state.ts';
import type { TaskStatus } from './status/status.ts';

const NO_RECORDS = new RecordList<RawRecord>();

/** One partition of a sub-topology at work: its inputs, operators and state. */
export class Task {
  readonly name: string;
  readonly subTopology: string;
  readonly partition: number;
  readonly input: TaskInput;
  readonly outbox = new Outbox();
  readonly #state: TaskState;
  readonly #operators: readonly Operator[];
  readonly #sources: ReadonlyMap<string, SourceOperator>;
  readonly #inputLists: readonly { clear(): void }[];
  readonly #deadLetters: DeadLetters;
  readonly #heartbeats: Heartbeats;
  readonly #wallTimers: readonly TimerQueue[];
  readonly #flow: OperatorFlow;
  readonly #undeclaredReads: ReturnType<typeof undeclaredReads>;
  readonly #environment: TaskEnvironment;
  readonly #spans: RecordSpans;
  /** Offsets of the inputs as of the last commit. */
  #committed: readonly number[];
  #commits = 0;
  #uncommitted = false;

  private constructor(
    topology: SubTopology,
    partition: number,
    state: TaskState,
    timers: ReadonlyMap<string, Timers>,
    committed: ReadonlyMap<string, OffsetCommit>,
    environment: TaskEnvironment,
  ) {
    this.name = taskName(topology, partition);
    this.subTopology = topology.name;
    this.partition = partition;
    this.#environment = environment;
    this.#spans = new RecordSpans(this.name, environment.tracing);
    this.#state = state;
    const { clock, idleWaitMs = 0 } = environment;
    this.input = new TaskInput(topology.sources, { clock, idleWaitMs });
    for (const input of this.input.partitions) {
      const mark = committed.get(input.node.topic.name);
      if (mark === undefined) continue;
      input.seek(mark.offset);
      if (mark.metadata !== undefined) input.restoreWatermark(JSON.parse(mark.metadata) as WatermarkState);
    }
    this.#committed = this.input.partitions.map(({ position }) => position);
    this.#flow = new OperatorFlow(environment.metrics);
    this.#undeclaredReads = undeclaredReads(environment.metrics);
    this.#wallTimers = Array.from(timers.values(), ({ wall }) => wall).filter((queue) => queue !== undefined);
    const { deadLetters, onRecordError } = environment;
    this.#deadLetters = new DeadLetters(
      onRecordError,
      deadLetters,
      this.outbox,
      () => clock.now(),
      (operator, reason) => this.#flow.reject(operator, reason),
    );
    const { globalRows } = environment;
    const sourceTimes = new Map(this.input.partitions.map(({ node, time }) => [node.name, time]));
    const built = buildOperators(
      topology,
      partition,
      state,
      timers,
      this.outbox,
      this.#flow,
      globalRows,
      sourceTimes,
    );
    this.#heartbeats = new Heartbeats(topology, partition, built.times);
    // Readers that an earlier owner never told, such as those of a new topic, are told by its successor.
    this.#uncommitted = this.#heartbeats.isDue;
    this.#operators = built.operators;
    this.#sources = built.sources;
    this.#inputLists = built.inputLists;
  }

  /** Restores the task's state and positions its inputs at the committed offsets. */
  static async open(
    topology: SubTopology,
    partition: number,
    committed: ReadonlyMap<string, OffsetCommit>,
    environment: TaskEnvironment,
  ): Promise<Task> {
    const inputOffsets = new Map(Array.from(committed, ([topic, { offset }]) => [topic, offset]));
    const { state, timers } = await openStores(topology, partition, inputOffsets, environment);
    const task = new Task(topology, partition, state, timers, committed, environment);
    if (environment.journalTopic !== undefined) {
      const isFirst = [...committed.values()].every(({ metadata }) => metadata === undefined);
      task.input.journal = new Journal(task.input.partitions, isFirst);
    }
    return task;
  }

  get #triesWrites(): boolean {
    return this.#environment.refusals?.has(this.name) ?? true;
  }

  inputOf(topic: string): InputPartition | undefined {
    return this.input.partitions.find((input) => input.node.topic.name === topic);
  }

  buffer(batch: RecordBatch): void {
    const input = this.inputOf(batch.topic);
    invariant(input !== undefined, `${this.name} was given a batch of ${batch.topic}`);
    const before = input.position;
    input.buffer(batch);
    if (input.position !== before) this.#uncommitted = true;
  }

  /** Whether a commit has records, state or offsets to write. */
  get hasProcessed(): boolean {
    return this.#uncommitted;
  }

  /** Whether a commit has anything to write, a watermark alone included. */
  get hasUncommitted(): boolean {
    return this.#uncommitted || this.#heartbeats.isDue;
  }

  /** Commits since the task was opened. */
  get commits(): number {
    return this.#commits;
  }

  /** Whether everything before `ends` is processed and committed, but for what waits for the watermark. */
  hasCommitted(ends: (place: TopicPartition) => number): boolean {
    return this.input.partitions.every((input, i) => {
      const end = ends({ topic: input.node.topic.name, partition: this.partition });
      const committed = this.#committed[i] as number;
      return committed >= end || (committed === input.position && this.input.isWaiting(input));
    });
  }

  /** Runs one batch through the operators; returns the number of records taken, heartbeats included in none. */
  async process(maxRecords: number): Promise<number> {
    const positions = this.input.partitions.map((input) => input.position);
    const wallNow = this.#environment.clock.now();
    const records = this.input.take(maxRecords, wallNow);
    if (this.input.partitions.some((input, i) => input.position !== positions[i])) this.#uncommitted = true;
    const isTimerDue = this.#wallTimers.some((timers) => timers.first(wallNow) !== undefined);
    const hasWork = records.length > 0 || this.input.timePassed || isTimerDue;
    this.input.journal?.processed(wallNow, this.input.watermark, hasWork);
    if (!hasWork) return 0;
    step('process.batch');
    this.#uncommitted = true;
    for (let i = 0; i < records.length; i++) {
      const record = records.at(i);
      this.#sources.get(record.source)?.input.push(record);
    }
    const shared = this.#step(records, wallNow);
    for (const operator of this.#operators) await operator.run(shared);
    this.#endBatch();
    return records.length;
  }

  /** Everything of this task that goes into the next transaction: the outbox is complete afterwards. */
  async collect(): Promise<readonly OffsetCommit[]> {
    const wallNow = this.#environment.clock.now();
    await this.#flush(wallNow);
    const position = this.input.partitions.map((input) => [input.node.topic.name, input.position] as const);
    const offsets = Object.fromEntries(position);
    const { refusals } = this.#environment;
    this.#state.collect(
      this.outbox,
      offsets,
      (store, { key, timestamp, error }) => {
        if (!isOfRecord(error)) throw error;
        if (!this.#triesWrites) {
          refusals?.set(this.name, offsets);
          throw refused(store, key, error);
        }
        this.#deadLetters.key(key, timestamp, store.split('/')[0] ?? store, error);
      },
      this.#spans.headersOf,
    );
    this.#heartbeats.stamp(this.outbox);
    this.#writeJournal(wallNow);
    return this.input.partitions.map((input) => ({
      topic: input.node.topic.name,
      partition: this.partition,
      offset: input.position,
      metadata: JSON.stringify(input.saveWatermark()),
    }));
  }

  /** Lets out what operators have held back until the commit, and runs it through those after them. */
  async #flush(wallNow: number): Promise<void> {
    this.input.rest();
    const shared = this.#step(NO_RECORDS, wallNow);
    for (const operator of this.#operators) {
      // In this order: one after another that holds records back takes in what that one lets out.
      await operator.run(shared);
      operator.flush?.();
    }
    this.#endBatch();
  }

  #endBatch(): void {
    this.#flow.countBatch();
    for (const list of this.#inputLists) list.clear();
    for (const input of this.input.partitions) input.endBatch();
  }

  #writeJournal(committedAt: number): void {
    const { journalTopic } = this.#environment;
    if (journalTopic === undefined) return;
    const value = this.input.journal?.entry({
      committedAt,
      watermark: this.input.watermark,
      stores: this.storeDigests(),
    });
    if (value === undefined) return;
    const key = Buffer.from(this.name);
    this.outbox.add(journalTopic, 0, { key, value, timestamp: committedAt });
  }

  /** The transaction has committed: the store follows. */
  async commit(appended: readonly Appended[]): Promise<void> {
    const positions = this.input.partitions.map(({ node, position }) => [node.topic.name, position] as const);
    await this.#state.commit(appended, new Map(positions));
    this.#spans.end();
    this.#committed = positions.map(([, position]) => position);
    this.#commits++;
    this.#uncommitted = false;
    const until = this.#environment.refusals?.get(this.name);
    if (until !== undefined && positions.every(([topic, position]) => position >= (until[topic] ?? 0)))
      this.#environment.refusals?.delete(this.name);
    this.#flow.publish();
  }

  /** What has become of the records that each operator took. */
  operators(): readonly OperatorCounts[] {
    return this.#flow.counts();
  }

  /** Digests by store, as of the last commit. */
  digests(): ReadonlyMap<string, string> {
    return this.#state.digests();
  }

  /** Digests with the fingerprints of the schemas that they were made with. */
  storeDigests(): readonly JournalStore[] {
    return Array.from(this.#state.digests(), ([name, digest]) => {
      return { name, digest, fingerprint: this.#state.store(name)?.values.fingerprint ?? '' };
    });
  }

  /** A store's committed entries, for tests and verification. */
  entries(store: string): AsyncIterable<readonly [string, unknown]> {
    const found = this.#state.store(store);
    invariant(found !== undefined, `task ${this.name} has no store ${store}`);
    return found.entries();
  }

  /** What the last commit has left in the task's stores, of one instant. To be closed. */
  snapshot(): DatabaseSnapshot {
    return this.#state.snapshot();
  }

  /** Where fetching goes on: behind what is buffered. */
  fetchPositions(): (TopicPartition & { readonly offset: number })[] {
    return this.input.partitions.map(({ node, fetchPosition }) => {
      return { topic: node.topic.name, partition: this.partition, offset: fetchPosition };
    });
  }

  /** `endOf`: the stable end of an input as of the last fetch. */
  status(endOf: (place: TopicPartition) => number | undefined): Pick<TaskStatus, 'inputs' | 'watermark'> {
    const inputs = this.input.partitions.map(({ node, position }) => {
      const place = { topic: node.topic.name, partition: this.partition };
      const end = endOf(place) ?? null;
      return { ...place, position, end, lag: end === null ? null : Math.max(0, end - position) };
    });
    const { watermark } = this.input;
    return { inputs, watermark: watermark === NO_WATERMARK ? null : watermark };
  }

  async close(): Promise<void> {
    this.#spans.end('the task was closed before it committed');
    await this.#state.close();
  }

  #step(records: RecordList<RawRecord>, wallNow: number): Step {
    return {
      wallNow,
      triesWrites: this.#triesWrites,
      reject: ({ sequence, timer }, operator, error) => {
        if (!isOfRecord(error)) throw error;
        if (timer !== undefined) return this.#deadLetters.key(timer.key, timer.dueMs, operator, error);
        invariant(sequence < records.length, `no record ${sequence} in the batch`);
        this.#deadLetters.record(records.at(sequence), operator, error);
      },
      drop: (operator, reason) => this.#flow.drop(operator, reason),
      undeclaredRead: (operator, store) => this.#undeclaredReads.inc({ operator, store }),
      traced: (record, traceparent) => this.#spans.begin(record, traceparent),
    };
  }
}

function undeclaredReads(metrics: Metrics) {
  return metrics.counter(
    'engine_undeclared_reads_total',
    'Undeclared store reads, each of which waited for the database.',
    ['operator', 'store'],
  );
}

function refused(store: string, key: string, cause: unknown): RetryableError {
  return new RetryableError('MR_STORE_REFUSED', `${store} cannot serialise the value written for ${key}`, {
    hint: 'nothing to do: the records are reprocessed, and the one that wrote it goes to the dead letters',
    cause,
  });
}
