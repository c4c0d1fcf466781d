import { isDeepStrictEqual } from 'node:util';
import type { Log, OffsetCommit } from '#log';
import { errorCode, FatalError, invariant } from '#platform';
import type { SubTopology, Topology } from '../topology/topology.ts';
import { nameOf, type TaskId } from './assignment/assignment.ts';
import { whenUnlocked } from './assignment/store-lock.ts';
import type { TaskEnvironment } from './open-stores.ts';
import { RestoreProgress } from './restore/restore-progress.ts';
import { Lifecycle, type TaskPhase } from './status/lifecycle.ts';
import { Task } from './task.ts';

/** What is needed to open tasks and copies of them. */
export type OpeningEnvironment = TaskEnvironment & {
  readonly log: Pick<Log, 'describeTopics' | 'consumer' | 'committedOffsets'>;
  readonly topology: Topology;
  readonly group: string;
};

/** A task of this member, from when it is assigned until its stores are closed. */
export class HeldTask {
  readonly id: TaskId;
  readonly name: string;
  readonly progress: RestoreProgress;
  readonly #environment: OpeningEnvironment;
  readonly #lifecycle: Lifecycle;
  #work: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  /** What restoring it has come to. */
  #outcome: { readonly task: Task } | { readonly error: unknown } | undefined;

  constructor(id: TaskId, environment: OpeningEnvironment) {
    this.id = id;
    this.name = nameOf(id);
    this.#environment = environment;
    this.#lifecycle = new Lifecycle(this.name);
    this.progress = new RestoreProgress(environment.clock);
  }

  get phase(): TaskPhase {
    return this.#lifecycle.phase;
  }

  /** The task while it runs, and until it is closed. */
  get task(): Task | undefined {
    return this.#outcome !== undefined && 'task' in this.#outcome ? this.#outcome.task : undefined;
  }

  /** Begins to restore it when `free` resolves: when this process has closed the directory that it is to take over. */
  restore(free: Promise<void>): void {
    this.#lifecycle.enter('restoring');
    this.#work = free
      .then(async () => {
        this.#outcome = { task: await this.#open() };
      })
      .catch((error: unknown) => {
        this.#outcome = { error };
      });
  }

  /** Whether it has been restored, well or not, and does not run yet. */
  get isRestored(): boolean {
    return this.phase === 'restoring' && this.#outcome !== undefined;
  }

  /** Resolves when restoring it has come to an end, well or not. */
  async restored(): Promise<void> {
    await this.#work;
  }

  /** Lets it run. Throws what restoring it has failed with. */
  run(): void {
    if (this.#outcome !== undefined && 'error' in this.#outcome) throw this.#outcome.error;
    this.#lifecycle.enter('running');
  }

  /** Gives it up: it takes no more records; what it has processed may still be committed. */
  suspend(): void {
    if (this.phase !== 'suspended' && this.phase !== 'closed') this.#lifecycle.enter('suspended');
  }

  /** Ends a restore early, and closes what is open; a second call waits for the first one. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.suspend();
    this.progress.cancel();
    await this.#work;
    await this.task?.close();
    this.#lifecycle.enter('closed');
  }

  async #open(): Promise<Task> {
    await assertWithinLog(this.id, this.#environment);
    const { signal } = this.progress;
    const subTopology = subTopologyOf(this.id, this.#environment.topology);
    const environment = { ...this.#environment, restore: this.progress };
    for (let committed = await committedOffsets(this.id, environment); ; ) {
      const open = () => Task.open(subTopology, this.id.partition, committed, environment);
      try {
        return await whenUnlocked(environment.clock, open, signal);
      } catch (error) {
        if (errorCode(error) !== 'MR_STORE_AHEAD') throw error;
        // The task's owner before may have committed once more since the offsets were read.
        const before = committed;
        committed = await committedOffsets(this.id, environment);
        if (isDeepStrictEqual(committed, before)) throw error;
      }
    }
  }
}

export function subTopologyOf({ subTopology: name }: TaskId, topology: Topology): SubTopology {
  const found = topology.subTopologies.find((candidate) => candidate.name === name);
  invariant(found !== undefined, `there is no sub-topology ${name}`);
  return found;
}

/**
 * A consumer would wait for the log to grow up to there: the records between its end and the offset would be taken for
 * processed. FatalError MR_GROUP_OFFSET.
 */
async function assertWithinLog(id: TaskId, environment: OpeningEnvironment): Promise<void> {
  const { log, group } = environment;
  for (const { topic, partition, offset } of (await committedOffsets(id, environment)).values()) {
    const [description] = await log.describeTopics([topic]);
    const end = description?.offsets[partition]?.end ?? 0;
    if (offset <= end) continue;
    throw new FatalError(
      'MR_GROUP_OFFSET',
      `Group ${group} is at offset ${offset} of topic ${topic}, partition ${partition}, but the log ends at ${end}.`,
      {
        hint: `Stop all instances and run "millrace offsets set ${group} ${topic}/${partition} ${end}", or set it to where processing should continue.`,
      },
    );
  }
}

/** Where a task's inputs were last committed, by topic; the log's start where they never were. */
export async function committedOffsets(
  id: TaskId,
  { log, group, topology }: Pick<OpeningEnvironment, 'log' | 'group' | 'topology'>,
): Promise<Map<string, OffsetCommit>> {
  const { partition } = id;
  const places = subTopologyOf(id, topology).sources.map(({ topic }) => ({ topic: topic.name, partition }));
  const offsets = await log.committedOffsets(group, places);
  const committed = new Map<string, OffsetCommit>();
  for (const offset of offsets) if (offset !== undefined) committed.set(offset.topic, offset);
  for (const place of places) {
    if (committed.has(place.topic)) continue;
    const [description] = await log.describeTopics([place.topic]);
    committed.set(place.topic, { ...place, offset: description?.offsets[partition]?.start ?? 0 });
  }
  return committed;
}
