import type { TopicPartition } from '#log';
import { nameOf, type Share, type TaskId } from './assignment/assignment.ts';
import { HeldTask, type OpeningEnvironment } from './held-task.ts';
import { Standby } from './standby.ts';
import type { TaskPhase } from './status/lifecycle.ts';
import type { TaskStatus } from './status/status.ts';
import type { Task } from './task.ts';

/** More at a time would share the same disk and processor, and need memory for each. */
const RESTORED_AT_ONCE = 4;

/** The tasks that this member holds, until their stores are closed, and copies of others' tasks. */
export class OwnedTasks {
  readonly #environment: OpeningEnvironment;
  /** In the order of the topology: a record can pass through all of its sub-topologies in one round. */
  #tasks: readonly HeldTask[] = [];
  #running: readonly Task[] = [];
  #standbys: readonly Standby[] = [];
  /** Copies that are being closed, by the name of their task. */
  readonly #closing = new Map<string, Promise<void>>();

  constructor(environment: OpeningEnvironment) {
    this.#environment = environment;
  }

  get running(): readonly Task[] {
    return this.#running;
  }

  get standbys(): readonly Standby[] {
    return this.#standbys;
  }

  get held(): TaskId[] {
    return this.#tasks.map(({ id }) => id);
  }

  /** Whether some do not run yet. */
  get isOpening(): boolean {
    return this.#tasks.some(({ phase }) => phase === 'created' || phase === 'restoring');
  }

  /** Those held that are not among `active`. */
  others(active: readonly TaskId[]): TaskId[] {
    const names = new Set(active.map(nameOf));
    return this.held.filter((id) => !names.has(nameOf(id)));
  }

  /** Begins to restore what is new in `share`, and copies; closes copies that are others' now. */
  takeUp(share: Share): void {
    const copies = new Set(share.standby.map(nameOf));
    for (const standby of this.#standbys) if (!copies.has(standby.name)) this.#end(standby);
    this.#standbys = this.#standbys.filter(({ name }) => copies.has(name));
    const known = new Set([...this.#tasks, ...this.#standbys].map(({ name }) => name));
    const order = this.#environment.topology.subTopologies.map(({ name }) => name);
    const added = share.active.filter((id) => !this.#tasks.some(({ name }) => name === nameOf(id)));
    this.#tasks = [...this.#tasks, ...added.map((id) => new HeldTask(id, this.#environment))].sort(
      ({ id: a }, { id: b }) =>
        order.indexOf(a.subTopology) - order.indexOf(b.subTopology) || a.partition - b.partition,
    );
    for (const id of added) known.add(nameOf(id));
    const copied = share.standby.filter((id) => !known.has(nameOf(id)));
    this.#standbys = [...this.#standbys, ...copied.map((id) => new Standby(id, this.#environment))];
    this.#restoreNext();
  }

  #end(standby: Standby): void {
    const { name } = standby;
    const closed = standby.close().catch((err: unknown) => {
      this.#environment.logger.warn({ err, standby: name }, 'a standby’s store did not close');
    });
    this.#closing.set(
      name,
      closed.then(() => void this.#closing.delete(name)),
    );
  }

  #restoreNext(): void {
    let restoring = this.#in('restoring').filter(({ isRestored }) => !isRestored).length;
    for (const task of this.#in('created')) {
      if (restoring++ >= RESTORED_AT_ONCE) return;
      task.restore(this.#closing.get(task.name) ?? Promise.resolve());
    }
  }

  #in(wanted: TaskPhase): HeldTask[] {
    return this.#tasks.filter(({ phase }) => phase === wanted);
  }

  /** Lets those run that have been restored; gives whether there are any. Throws what restoring one has failed with. */
  absorb(): boolean {
    const restored = this.#tasks.filter(({ isRestored }) => isRestored);
    if (restored.length === 0) return false;
    for (const task of restored) task.run();
    this.#noteRunning();
    this.#restoreNext();
    return true;
  }

  #noteRunning(): void {
    this.#running = this.#in('running').flatMap(({ task }) => task ?? []);
  }

  /** Waits until everything that is held runs. */
  async opened(): Promise<void> {
    while (this.isOpening) {
      await Promise.all(this.#in('restoring').map((task) => task.restored()));
      this.absorb();
    }
  }

  followOthers(): void {
    for (const standby of this.#standbys) if (!this.#closing.has(standby.name)) standby.follow();
  }

  /** Gives tasks up; returns those that ran, whose work may still be committed. */
  suspend(ids: readonly TaskId[]): readonly Task[] {
    const names = new Set(ids.map(nameOf));
    const running = this.#running.filter(({ name }) => names.has(name));
    for (const task of this.#tasks) if (names.has(task.name)) task.suspend();
    this.#noteRunning();
    return running;
  }

  /** Closes tasks without a commit: what they have not committed is their next owner's to do again. */
  async close(ids: readonly TaskId[]): Promise<void> {
    this.suspend(ids);
    const names = new Set(ids.map(nameOf));
    const closing = this.#tasks.filter(({ name }) => names.has(name));
    try {
      await Promise.all(closing.map((task) => task.close()));
    } finally {
      this.#tasks = this.#tasks.filter((task) => !closing.includes(task));
    }
  }

  async closeAll(): Promise<void> {
    await this.close(this.held);
    for (const standby of this.#standbys) this.#end(standby);
    this.#standbys = [];
    await Promise.all(this.#closing.values());
  }

  /** `endOf`: the stable end of an input as of the last fetch. */
  status(endOf: (place: TopicPartition) => number | undefined): TaskStatus[] {
    const idle = { inputs: [], watermark: null };
    return [
      ...this.#tasks.map(({ name, phase, task, progress }): TaskStatus => {
        if (task !== undefined && phase !== 'restoring') return { name, state: phase, ...task.status(endOf) };
        return { name, state: phase, ...idle, restore: progress.status };
      }),
      ...this.#standbys.map(({ name, progress }): TaskStatus => {
        return { name, state: 'standby', ...idle, restore: progress };
      }),
    ];
  }
}
