import type { DatabaseSnapshot } from '../store/port.ts';
import { nameOf } from '../task/assignment/assignment.ts';
import { readRows } from './rows.ts';
import type { LocalTasks } from './store-queries.ts';

type Copy = { readonly name: string; snapshot(): DatabaseSnapshot };

/** What a runtime gives to read from. */
export type Readable = { readonly tasks: readonly Copy[]; readonly standbyTasks: readonly Copy[] };

/**
 * The tasks that run in this thread and the copies of others', as they are when they are asked. Those of all threads of
 * a process: `tasks` of StreamThreads.
 */
export function localTasks(runtime: () => Readable | undefined): LocalTasks {
  return {
    read: async ({ task, role, store, wanted }) => {
      const copies = role === 'active' ? runtime()?.tasks : runtime()?.standbyTasks;
      const copy = copies?.find(({ name }) => name === nameOf(task));
      return copy && (await readRows(() => copy.snapshot(), store, wanted));
    },
  };
}
