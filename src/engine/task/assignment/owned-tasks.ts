import { Standby } from '../restore/standby.ts';
import type { Task } from '../task.ts';
import type { Share, TaskId } from './assignment.ts';
import { nameOf } from './assignment.ts';
import { Opening, type OpeningEnvironment } from './task-opening.ts';

/** More at a time would share the same disk and processor, and need memory for each. */
const RESTORED_AT_ONCE = 4;

/** The tasks that this member holds: those that run, those that are being restored, and copies of others' tasks. */
export class OwnedTasks {
  readonly #environment: OpeningEnvironment;
  #running: readonly Task[] = [];
  #openings: readonly Opening[] = [];
  #standbys: readonly Standby[] = [];
  /** Copies that are being closed, by the name of their task. */
  readonly #closing = new Map<string, Promise<void>>();

  constructor(environment: OpeningEnvironment) {
    this.#environment = environment;
  }

  /** In the order of the topology: a record can pass through all of its sub-topologies in one round. */
  get running(): readonly Task[] {
    return this.#running;
  }

  get openings(): readonly Opening[] {
    return this.#openings;
  }

  get standbys(): readonly Standby[] {
    return this.#standbys;
  }

  /** Running or being restored. */
  get held(): TaskId[] {
    const running = this.#running.map(({ subTopology, partition }) => ({ subTopology, partition }));
    return [...running, ...this.#openings.map(({ id }) => id)];
  }

  /** Those held that are not among `active`. */
  others(active: readonly TaskId[]): TaskId[] {
    const names = new Set(active.map(nameOf));
    return this.held.filter((id) => !names.has(nameOf(id)));
  }

  /** Begins to open what is new in `share`, and copies; closes copies that are others' now. */
  takeUp(share: Share): void {
    const copies = new Set(share.standby.map(nameOf));
    for (const standby of this.#standbys) if (!copies.has(standby.name)) this.#end(standby);
    this.#standbys = this.#standbys.filter(({ name }) => copies.has(name));
    const held = new Set(this.held.map(nameOf));
    const added = share.active.filter((id) => !held.has(nameOf(id)));
    this.#openings = [...this.#openings, ...added.map((id) => new Opening(id, this.#environment))];
    const known = new Set([...this.#standbys.map(({ name }) => name), ...this.held.map(nameOf)]);
    const copied = share.standby.filter((id) => !known.has(nameOf(id)));
    this.#standbys = [...this.#standbys, ...copied.map((id) => new Standby(id, this.#environment))];
    this.#beginNext();
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

  #beginNext(): void {
    let begun = this.#openings.filter(({ hasBegun, isDone }) => hasBegun && !isDone).length;
    for (const opening of this.#openings) {
      if (begun >= RESTORED_AT_ONCE) return;
      if (opening.hasBegun) continue;
      opening.begin(this.#closing.get(opening.name) ?? Promise.resolve());
      begun++;
    }
  }

  /** Lets those run that have been restored; gives whether there are any. Throws what opening one has failed with. */
  absorb(): boolean {
    const ready = this.#openings.filter(({ isDone }) => isDone);
    if (ready.length === 0) return false;
    const tasks: Task[] = [];
    for (const { task } of ready) if (task !== undefined) tasks.push(task);
    this.#openings = this.#openings.filter((opening) => !ready.includes(opening));
    this.#run([...this.#running, ...tasks]);
    this.#beginNext();
    return true;
  }

  #run(tasks: readonly Task[]): void {
    const order = this.#environment.topology.subTopologies.map(({ name }) => name);
    this.#running = tasks.toSorted(
      (a, b) => order.indexOf(a.subTopology) - order.indexOf(b.subTopology) || a.partition - b.partition,
    );
  }

  /** Waits until everything that has been begun is done. */
  async opened(): Promise<void> {
    while (this.#openings.length > 0) {
      await Promise.all(this.#openings.map((opening) => opening.done()));
      this.absorb();
    }
  }

  followOthers(): void {
    for (const standby of this.#standbys) if (!this.#closing.has(standby.name)) standby.follow();
  }

  /** Closes tasks without a commit: what they have not committed is their next owner's to do again. */
  async close(ids: readonly TaskId[]): Promise<void> {
    const names = new Set(ids.map(nameOf));
    const tasks = this.#running.filter(({ name }) => names.has(name));
    const openings = this.#openings.filter(({ name }) => names.has(name));
    this.#running = this.#running.filter(({ name }) => !names.has(name));
    this.#openings = this.#openings.filter(({ name }) => !names.has(name));
    await Promise.all([...tasks.map((task) => task.close()), ...openings.map((opening) => opening.cancel())]);
  }

  async closeAll(): Promise<void> {
    await this.close(this.held);
    for (const standby of this.#standbys) this.#end(standby);
    this.#standbys = [];
    await Promise.all(this.#closing.values());
  }
}
