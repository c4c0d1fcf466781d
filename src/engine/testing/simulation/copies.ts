import type { DatabaseSnapshot } from '../../store/port.ts';
import { MARKS_KEY } from '../../task/restore/open-store.ts';
import { difference, type Outcome } from './outcome.ts';
import type { SimulatedProcess } from './process.ts';

/**
 * Where standbys that have followed to the end differ, row by row, from the tasks that they are copies of: what a copy
 * has wrong shows long before anybody takes it over.
 */
export async function differenceOfCopies(
  processes: readonly SimulatedProcess[],
): Promise<string | undefined> {
  const tasks = processes.flatMap(({ runtime }) => runtime.tasks);
  for (const { instanceId, runtime } of processes) {
    for (const copy of runtime.standbyTasks) {
      const owner = tasks.find(({ name }) => name === copy.name);
      const hasFollowed = copy.progress.restored === copy.progress.total;
      if (owner === undefined || !hasFollowed) continue;
      const rows = await rowsOf(copy.name, copy.snapshot());
      const found = difference(
        [`copied by ${instanceId}`, rows],
        ['of the owner', await rowsOf(copy.name, owner.snapshot())],
      );
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

async function rowsOf(task: string, snapshot: DatabaseSnapshot): Promise<Outcome> {
  const lines: string[] = [];
  for await (const chunk of snapshot.scan({ gte: Buffer.alloc(0), lt: Buffer.from([255]) })) {
    for (const { key, value } of chunk) {
      if (!key.equals(MARKS_KEY)) lines.push(`${key.toString('latin1')} ${value?.toString('latin1')}`);
    }
  }
  await snapshot.close();
  return new Map([[`rows of ${task}`, lines]]);
}
