import { errorCode, invariant } from '#platform';
import type { DatabaseSnapshot } from '../store/port.ts';
import { nameOf, type TaskId } from './assignment/assignment.ts';
import { committedOffsets, type OpeningEnvironment, subTopologyOf } from './held-task.ts';
import { RestoreProgress, type RestoreStatus } from './restore/restore-progress.ts';
import { TaskState } from './restore/state.ts';

/** How often a copy asks whether there is more to follow. */
const FOLLOW_INTERVAL_MS = 200;
const RETRY_MS = 2_000;

/**
 * A copy of a task that only restores: it follows the changelogs into a database of its own, so that the task can be
 * taken over by reading their tail. What fails is tried again; nobody waits for a copy.
 */
export class Standby {
  readonly id: TaskId;
  readonly name: string;
  readonly subTopology: string;
  readonly partition: number;
  readonly #environment: OpeningEnvironment;
  readonly #progress: RestoreProgress;
  #state: TaskState | undefined;
  #pass: Promise<void> | undefined;
  #nextPass = Number.NEGATIVE_INFINITY;

  constructor(id: TaskId, environment: OpeningEnvironment) {
    this.id = id;
    this.name = nameOf(id);
    this.subTopology = id.subTopology;
    this.partition = id.partition;
    this.#environment = environment;
    this.#progress = new RestoreProgress(environment.clock);
  }

  /** Goes on following when it is time; does not wait. */
  follow(): void {
    const { clock } = this.#environment;
    if (this.#pass !== undefined || clock.monotonic() < this.#nextPass) return;
    this.#pass = this.#follow().then((delayMs) => {
      this.#nextPass = clock.monotonic() + delayMs;
      this.#pass = undefined;
    });
  }

  /** Whether the copy was whole at some time, so that it can be read from. */
  get isOpen(): boolean {
    return this.#state !== undefined;
  }

  get progress(): RestoreStatus {
    return this.#progress.status;
  }

  /** What an open copy has followed so far, entries and marks of one instant. To be closed. */
  snapshot(): DatabaseSnapshot {
    invariant(this.#state !== undefined, `the copy of ${this.name} is not open`);
    return this.#state.snapshot();
  }

  async close(): Promise<void> {
    this.#progress.cancel();
    this.#nextPass = Number.POSITIVE_INFINITY;
    await this.#pass;
    await this.#drop();
  }

  /** Returns the time until the next pass. Never rejects. */
  async #follow(): Promise<number> {
    try {
      const committed = await committedOffsets(this.id, this.#environment);
      const inputOffsets = new Map(Array.from(committed, ([topic, { offset }]) => [topic, offset]));
      if (this.#state === undefined) this.#state = await this.#open(inputOffsets);
      else await this.#state.follow(inputOffsets);
      return FOLLOW_INTERVAL_MS;
    } catch (error) {
      if (this.#progress.signal.aborted) return FOLLOW_INTERVAL_MS;
      const { logger } = this.#environment;
      logger.warn({ err: error, code: errorCode(error), standby: this.name }, 'a standby must start over');
      await this.#drop().catch((err: unknown) => logger.warn({ err }, 'a standby’s store did not close'));
      return RETRY_MS;
    }
  }

  #open(inputOffsets: ReadonlyMap<string, number>): Promise<TaskState> {
    const { topology, ...environment } = this.#environment;
    return TaskState.open({
      ...environment,
      name: this.name,
      partition: this.partition,
      stores: subTopologyOf(this.id, topology).stores,
      inputOffsets,
      restore: this.#progress,
      isCopy: true,
    });
  }

  async #drop(): Promise<void> {
    const state = this.#state;
    this.#state = undefined;
    await state?.close();
  }
}
