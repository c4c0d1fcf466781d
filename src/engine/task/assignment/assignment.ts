import type { Topology } from '../../topology/topology.ts';

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
