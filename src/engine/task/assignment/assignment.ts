import type { GroupMember } from '#log';
import type { Topology } from '../../topology/topology.ts';
import { placeActive, placeStandbys } from './placement.ts';

/** A task by the sub-topology's name and partition. */
export type TaskId = { readonly subTopology: string; readonly partition: number };

export const nameOf = ({ subTopology, partition }: TaskId) => `${subTopology}-${partition}`;

/** What a member tells the round's leader of itself. */
export type MemberMetadata = {
  /** Members of one process share a state directory: a task lives once in it. */
  readonly process: string;
  /** Where its stores can be asked, for example http://host:port. */
  readonly endpoint?: string;
  /** Tasks that it holds, the ones that are being restored included. */
  readonly active: readonly TaskId[];
  readonly standby: readonly TaskId[];
};

export type Address = { readonly memberId: string; readonly endpoint?: string };

/** Who holds a task. No active member: it is on its way from one to another. */
export type TaskOwners = { readonly active: Address | undefined; readonly standbys: readonly Address[] };

/** What the leader tells each member. */
export type Share = {
  readonly active: readonly TaskId[];
  readonly standby: readonly TaskId[];
  /** By task name, the same for all members. */
  readonly owners: ReadonlyMap<string, TaskOwners>;
};

export type AssignmentOptions = { readonly tasks: readonly TaskId[]; readonly standbys: number };

export function tasksOf(topology: Topology): TaskId[] {
  return topology.subTopologies.flatMap(({ name, partitions }) =>
    Array.from({ length: partitions }, (_, partition) => ({ subTopology: name, partition })),
  );
}

export function encodeMetadata(metadata: MemberMetadata): Buffer {
  return Buffer.from(JSON.stringify(metadata));
}

export function decodeMetadata(bytes: Buffer): MemberMetadata {
  return JSON.parse(bytes.toString()) as MemberMetadata;
}

export function decodeShare(bytes: Buffer): Share {
  if (bytes.length === 0) return { active: [], standby: [], owners: new Map() };
  const { active, standby, owners } = JSON.parse(bytes.toString()) as {
    active: TaskId[];
    standby: TaskId[];
    owners: [string, { active?: Address; standbys: Address[] }][];
  };
  const known = owners.map(([task, { active, standbys }]) => [task, { active, standbys }] as const);
  return { active, standby, owners: new Map(known) };
}

/**
 * Cooperative sticky assignment (KIP-429). A task that has to move is given to nobody in this round: who holds it
 * sees that it is no longer its own, commits, closes it and begins the next round, which hands it out. So a task never
 * has two owners, and the tasks that stay are not disturbed. Every leader finds the same.
 */
export function assignTasks(
  { tasks, standbys }: AssignmentOptions,
  members: readonly GroupMember[],
): Map<string, Buffer> {
  const known = members
    .map(({ memberId, metadata }) => ({ memberId, ...decodeMetadata(metadata) }))
    .sort((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const holders = new Map<string, string>();
  for (const { memberId, active } of known) {
    for (const task of active) if (!holders.has(nameOf(task))) holders.set(nameOf(task), memberId);
  }
  const targets = placeActive(tasks, known, holders);
  const isSettled = (name: string) => (holders.get(name) ?? targets.get(name)) === targets.get(name);
  const copies = placeStandbys(tasks, known, { standbys, targets, holders, isSettled });

  const addressOf = new Map(
    known.map(({ memberId, endpoint }): [string, Address] => [
      memberId,
      endpoint === undefined ? { memberId } : { memberId, endpoint },
    ]),
  );
  const owners = tasks.map((task) => {
    const name = nameOf(task);
    const active = isSettled(name) ? addressOf.get(targets.get(name) ?? '') : undefined;
    return [name, { active, standbys: (copies.get(name) ?? []).map((id) => addressOf.get(id)) }] as const;
  });
  return new Map(
    known.map(({ memberId }) => {
      const active = tasks.filter((task) => {
        return isSettled(nameOf(task)) && targets.get(nameOf(task)) === memberId;
      });
      const standby = tasks.filter((task) => copies.get(nameOf(task))?.includes(memberId));
      return [memberId, Buffer.from(JSON.stringify({ active, standby, owners }))];
    }),
  );
}
