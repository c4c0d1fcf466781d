import type { Log, TopicPartition } from '#log';
import type { StreamsRuntime } from '../runtime.ts';
import type { Task } from '../task.ts';

/** The stable end of a partition: what is before it can be read. */
export type StableEnds = (place: TopicPartition) => number;

type Runtime = Pick<StreamsRuntime, 'tasks' | 'isCaughtUp' | 'isMoving'>;

/** Up to where the tasks of a thread can read now. */
export async function stableEnds(log: Log, { tasks }: Pick<StreamsRuntime, 'tasks'>): Promise<StableEnds> {
  const names = new Set(tasks.flatMap(({ input }) => input.partitions.map(({ node }) => node.topic.name)));
  const described = await log.describeTopics([...names]);
  const byName = new Map(described.map(({ name, offsets }) => [name, offsets]));
  return ({ topic, partition }) => byName.get(topic)?.[partition]?.stable ?? 0;
}

/** Work that is complete when its tasks have committed everything up to certain offsets. */
class Pass {
  readonly #tasks: readonly Task[];
  readonly #ends: StableEnds;
  readonly #commits: ReadonlyMap<Task, number>;

  constructor(tasks: readonly Task[], ends: StableEnds) {
    this.#tasks = tasks;
    this.#ends = ends;
    this.#commits = new Map(tasks.map((task) => [task, task.commits]));
  }

  isOf(tasks: readonly Task[]): boolean {
    return tasks.length === this.#tasks.length && tasks.every((task, i) => task === this.#tasks[i]);
  }

  /** Each commit announces the watermark that others wait for. */
  get isComplete(): boolean {
    return this.#tasks.every(
      (task) =>
        task.hasCommitted(this.#ends) &&
        (!task.hasUncommitted || task.commits > (this.#commits.get(task) ?? 0)),
    );
  }
}

type Waiting = { pass: Pass | undefined; readonly resolve: (isQuiet: boolean) => void };

/**
 * Lets others wait until a thread has committed all that its tasks could read when they asked, however much comes meanwhile:
 * for a moment in which nothing is left to read, whoever waits while others write may wait for ever.
 */
export class CatchUp {
  readonly #log: Log;
  #waiting: Waiting[] = [];

  constructor(log: Log) {
    this.#log = log;
  }

  /** Resolves with whether there was nothing left to do at all, so that no task can have something for another either. */
  next(): Promise<boolean> {
    return new Promise((resolve) => this.#waiting.push({ pass: undefined, resolve }));
  }

  /** To be called after each round. What is asked about may have come after the fetch of the round in which it was asked. */
  async observe(runtime: Runtime): Promise<void> {
    if (this.#waiting.length === 0) return;
    const { tasks, isCaughtUp, isMoving } = runtime;
    const goOn: Waiting[] = [];
    for (const each of this.#waiting.splice(0)) {
      const { pass } = each;
      const isBegun = pass !== undefined && !isMoving && pass.isOf(tasks);
      if (isBegun && isCaughtUp) each.resolve(true);
      else if (isBegun && pass.isComplete) each.resolve(false);
      else goOn.push(isBegun ? each : { ...each, pass: undefined });
    }
    // Whoever waits goes on waiting where the log does not tell its ends.
    this.#waiting.push(...goOn);
    const begin = goOn.filter(({ pass }) => pass === undefined);
    if (begin.length === 0 || isMoving) return;
    const begun = new Pass([...tasks], await stableEnds(this.#log, runtime));
    for (const each of begin) each.pass = begun;
  }
}
