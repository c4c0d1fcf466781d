import type { Role, TaskRead } from '../../queries/peers.ts';
import { type PortRows, rowsFromPort } from '../../queries/port-rows.ts';
import type { Rows } from '../../queries/rows.ts';
import type { LocalTasks } from '../../queries/store-queries.ts';
import { nameOf, type TaskId } from '../assignment/assignment.ts';

/** One thread, as it is asked: undefined where it does not have that copy. */
type Asked = { rows(read: TaskRead): Promise<PortRows | undefined> };

/**
 * The tasks of all threads of a process. A read goes to the thread that had the copy at the last request, and to
 * the others where it has moved since.
 */
export class ThreadTasks implements LocalTasks {
  readonly #threads: readonly Asked[];
  readonly #places = new Map<string, Asked>();

  constructor(threads: readonly Asked[]) {
    this.#threads = threads;
  }

  async read(read: TaskRead): Promise<Rows | undefined> {
    const place = placeOf(read.task, read.role);
    const known = this.#places.get(place);
    let refusal: unknown;
    for (const threads of [known ? [known] : [], this.#threads.filter((thread) => thread !== known)]) {
      try {
        // A thread that is busy holds up no answer of another.
        return await Promise.any(threads.map((thread) => this.#readIn(thread, read, place)));
      } catch (error) {
        const errors: readonly unknown[] = error instanceof AggregateError ? error.errors : [error];
        refusal ??= errors.find((each) => each !== ABSENT);
      }
    }
    if (refusal !== undefined) throw refusal;
    return undefined;
  }

  async #readIn(thread: Asked, read: TaskRead, place: string): Promise<Rows> {
    const rows = await thread.rows(read);
    if (rows === undefined) throw ABSENT;
    this.#places.set(place, thread);
    return rowsFromPort(rows);
  }
}

const ABSENT = new Error('the thread does not have that copy');

const placeOf = (task: TaskId, role: Role) => `${role} ${nameOf(task)}`;
