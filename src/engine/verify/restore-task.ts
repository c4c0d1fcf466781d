import type { Log } from '#log';
import { type Clock, createMetrics, errorCode, type Logger } from '#platform';
import type { DatabaseProvider } from '../store/port.ts';
import { TaskState } from '../task/restore/state.ts';
import type { Topology } from '../topology/topology.ts';
import type { TaskPlace } from './journal-reader.ts';

export type RestoreOptions = {
  readonly log: Log;
  readonly topology: Topology;
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  readonly logger: Logger;
};

/**
 * Makes a task's stores from their changelogs, as a start does where there are none. What is there is destroyed first.
 * Nothing is written to the log. Errors: MR_STORE_LOCKED while the task runs.
 */
export async function restoreTask(
  { name, subTopology, partition }: TaskPlace,
  { log, topology, databases, clock, logger }: RestoreOptions,
): Promise<void> {
  // Fails where another process has it open, before anything is removed.
  await (await openable(databases, name))?.close();
  await databases.destroy(name);
  const group = `${topology.name}-${topology.generation}`;
  const places = subTopology.sources.map(({ topic }) => ({ topic: topic.name, partition }));
  const committed = await log.committedOffsets(group, places);
  const inputOffsets = new Map(committed.flatMap((mark) => (mark ? [[mark.topic, mark.offset]] : [])));
  const state = await TaskState.open({
    name,
    partition,
    stores: subTopology.stores,
    databases,
    cacheEntries: 0,
    log,
    group,
    inputOffsets,
    clock,
    logger,
    metrics: createMetrics(),
  });
  await state.close();
}

/** Undefined where it is so damaged that it can't be opened. */
async function openable(databases: DatabaseProvider, name: string) {
  try {
    return await databases.open(name);
  } catch (error) {
    if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;
    return undefined;
  }
}
