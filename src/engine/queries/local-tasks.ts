import type { DatabaseSnapshot } from '../store/port.ts';
import { nameOf, type TaskId } from '../task/assignment.ts';
import type { Role } from './peers.ts';
import { moving, readRows } from './rows.ts';
import type { LocalTasks } from './store-queries.ts';

type Copy = { readonly name: string; snapshot(): DatabaseSnapshot };

/** What a runtime gives to read from. */
export type Readable = { readonly tasks: readonly Copy[]; readonly standbyTasks: readonly Copy[] };

/** The tasks that run in this thread and the copies of others', as they are when they are asked. */
export function localTasks(runtime: () => Readable | undefined): LocalTasks {
  const find = (task: TaskId, role: Role) => {
    const copies = role === 'active' ? runtime()?.tasks : runtime()?.standbyTasks;
    return copies?.find(({ name }) => name === nameOf(task));
  };
  return {
    has: (task, role) => find(task, role) !== undefined,
    read: async ({ task, role, store, wanted }) => {
      const copy = find(task, role);
      if (copy === undefined) throw moving(`no ${role} copy of task ${nameOf(task)} is here`);
      return await readRows(() => copy.snapshot(), store, wanted);
    },
  };
}
