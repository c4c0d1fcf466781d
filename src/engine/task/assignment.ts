import type { GroupMember } from '../log/port.ts';
import type { Topology } from '../topology/topology.ts';

/** A task by the sub-topology's name and partition. */
export type TaskId = { readonly subTopology: string; readonly partition: number };

export function tasksOf(topology: Topology): TaskId[] {
  return topology.subTopologies.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ subTopology: name, partition })),
  );
}

export function encodeTasks(tasks: readonly TaskId[]): Buffer {
  return Buffer.from(JSON.stringify(tasks));
}

export function decodeTasks(bytes: Buffer): TaskId[] {
  return bytes.length === 0 ? [] : (JSON.parse(bytes.toString()) as TaskId[]);
}

/**
 * Sticky assignment: each member keeps what it had (its metadata) up to its fair share; what is left goes to
 * those with the least. Members are taken by id, so every leader finds the same.
 */
export function assignTasks(tasks: readonly TaskId[], members: readonly GroupMember[]): Map<string, Buffer> {
  const nameOf = ({ subTopology, partition }: TaskId) => `${subTopology}-${partition}`;
  const free = new Map(tasks.map((task) => [nameOf(task), task]));
  const ordered = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const share = Math.ceil(tasks.length / ordered.length);
  const shares = ordered.map(({ memberId, metadata }) => {
    const kept = decodeTasks(metadata)
      .filter((task) => free.has(nameOf(task)))
      .slice(0, share);
    for (const task of kept) free.delete(nameOf(task));
    return { memberId, tasks: kept };
  });
  for (const task of free.values()) {
    const least = shares.reduce((a, b) => (b.tasks.length < a.tasks.length ? b : a));
    least.tasks.push(task);
  }
  return new Map(shares.map(({ memberId, tasks: own }) => [memberId, encodeTasks(own)]));
}
