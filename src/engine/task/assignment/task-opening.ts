import { isDeepStrictEqual } from 'node:util';
import type { Log, OffsetCommit } from '#log';
import { errorCode, FatalError, invariant } from '#platform';
import type { SubTopology, Topology } from '../../topology/topology.ts';
import { RestoreProgress } from '../restore/restore-progress.ts';
import { Task, type TaskEnvironment } from '../task.ts';
import { nameOf, type TaskId } from './assignment.ts';
import { whenUnlocked } from './store-lock.ts';

/** What is needed to open tasks and copies of them. */
export type OpeningEnvironment = TaskEnvironment & {
  readonly log: Pick<Log, 'describeTopics' | 'consumer' | 'committedOffsets'>;
  readonly topology: Topology;
  readonly group: string;
};

/** A task that is on its way: its state is being restored while others run. */
export class Opening {
  readonly id: TaskId;
  readonly name: string;
  readonly progress: RestoreProgress;
  readonly #environment: OpeningEnvironment;
  #work: Promise<void> | undefined;
  #task: Task | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(id: TaskId, environment: OpeningEnvironment) {
    this.id = id;
    this.name = nameOf(id);
    this.#environment = environment;
    this.progress = new RestoreProgress(environment.clock);
  }

  /** Begins when `free` resolves: when this process has closed the directory that the task is to take over. */
  begin(free: Promise<void>): void {
    this.#work = free
      .then(() => this.#open())
      .catch((error: unknown) => {
        this.#failure = { error };
      });
  }

  get hasBegun(): boolean {
    return this.#work !== undefined;
  }

  /** The task once it is open. Throws what opening it has failed with. */
  get task(): Task | undefined {
    if (this.#failure !== undefined) throw this.#failure.error;
    return this.#task;
  }

  get isDone(): boolean {
    return this.#task !== undefined || this.#failure !== undefined;
  }

  /** Resolves when it is done, well or not. */
  async done(): Promise<void> {
    await this.#work;
  }

  /** Ends it early, and closes what it has opened. */
  async cancel(): Promise<void> {
    this.progress.cancel();
    await this.#work;
    await this.#task?.close();
  }

  async #open(): Promise<void> {
    await assertWithinLog(this.id, this.#environment);
    const { signal } = this.progress;
    const subTopology = subTopologyOf(this.id, this.#environment.topology);
    const environment = { ...this.#environment, restore: this.progress };
    for (let committed = await committedOffsets(this.id, environment); this.#task === undefined; ) {
      const open = () => Task.open(subTopology, this.id.partition, committed, environment);
      try {
        this.#task = await whenUnlocked(environment.clock, open, signal);
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
