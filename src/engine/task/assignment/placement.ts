import type { GroupMember } from '#log';
import { type Address, decodeMetadata, type MemberMetadata, nameOf, type TaskId } from './assignment.ts';

export type AssignmentOptions = { readonly tasks: readonly TaskId[]; readonly standbys: number };

type Member = MemberMetadata & { readonly memberId: string };

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

/** The member with the least, the first of equals. */
function least<T>(candidates: readonly T[], measure: (candidate: T) => number): T | undefined {
  let best: T | undefined;
  for (const each of candidates) if (best === undefined || measure(each) < measure(best)) best = each;
  return best;
}

/**
 * Where each task belongs: the partitions of each sub-topology spread evenly, and all tasks too. A task stays with its
 * holder up to the holder's quota, goes to a member that has a standby of it otherwise, and else to who has the least.
 * `members` are sorted by id.
 */
function placeActive(
  tasks: readonly TaskId[],
  members: readonly Member[],
  holders: ReadonlyMap<string, string>,
): Map<string, string> {
  const targets = new Map<string, string>();
  const load = new Map(members.map(({ memberId }) => [memberId, 0]));
  for (const partitions of Map.groupBy(tasks, ({ subTopology }) => subTopology).values()) {
    const quotas = quotasOf(partitions, members, holders, load);
    const place = (task: TaskId, memberId: string) => {
      targets.set(nameOf(task), memberId);
      quotas.set(memberId, (quotas.get(memberId) ?? 0) - 1);
      load.set(memberId, (load.get(memberId) ?? 0) + 1);
    };
    const roomAt = (memberId: string) => (quotas.get(memberId) ?? 0) > 0;
    for (const task of partitions) {
      const holder = holders.get(nameOf(task));
      if (holder !== undefined && roomAt(holder)) place(task, holder);
    }
    for (const task of partitions) {
      if (targets.has(nameOf(task))) continue;
      const prepared = members.find((member) => roomAt(member.memberId) && hasStandby(member, task));
      if (prepared !== undefined) place(task, prepared.memberId);
    }
    for (const task of partitions) {
      if (targets.has(nameOf(task))) continue;
      const withRoom = members.filter(({ memberId }) => roomAt(memberId));
      const next = least(withRoom, ({ memberId }) => load.get(memberId) ?? 0);
      if (next !== undefined) place(task, next.memberId);
    }
  }
  return targets;
}

const hasStandby = ({ standby }: Member, task: TaskId) =>
  standby.some((each) => nameOf(each) === nameOf(task));

/**
 * How many of a sub-topology's partitions each member gets: where they don't come out even, those with the least so far
 * get one more, of equal ones in the process with the least, so that two threads do not have all that is left over.
 */
function quotasOf(
  partitions: readonly TaskId[],
  members: readonly Member[],
  holders: ReadonlyMap<string, string>,
  load: ReadonlyMap<string, number>,
): Map<string, number> {
  const base = Math.floor(partitions.length / members.length);
  const quotas = new Map(members.map(({ memberId }) => [memberId, base]));
  const held = new Map(members.map(({ memberId }) => [memberId, 0]));
  for (const task of partitions) {
    const holder = holders.get(nameOf(task)) ?? '';
    held.set(holder, (held.get(holder) ?? 0) + 1);
  }
  const processes = Map.groupBy(members, ({ process }) => process);
  const loadOf = ({ memberId }: Member) => (load.get(memberId) ?? 0) + (quotas.get(memberId) ?? 0);
  /** Average load of a member of the process. */
  const processLoad = ({ process }: Member) => {
    const threads = processes.get(process) ?? [];
    return threads.reduce((sum, thread) => sum + loadOf(thread), 0) / threads.length;
  };
  for (let extra = partitions.length % members.length; extra > 0; extra--) {
    const [next] = members
      .filter(({ memberId }) => quotas.get(memberId) === base)
      .sort((a, b) => {
        const byLoad = loadOf(a) - loadOf(b) || processLoad(a) - processLoad(b);
        return byLoad || (held.get(b.memberId) ?? 0) - (held.get(a.memberId) ?? 0);
      });
    if (next !== undefined) quotas.set(next.memberId, base + 1);
  }
  return quotas;
}

type StandbyRules = {
  /** How many copies each task should have; fewer where there are too few processes. */
  readonly standbys: number;
  readonly targets: ReadonlyMap<string, string>;
  readonly holders: ReadonlyMap<string, string>;
  readonly isSettled: (task: string) => boolean;
};

/**
 * The members that keep a copy of each task: in other processes than its owner, and each in a process of its own, because
 * a process has one directory a task. Copies stay where they are; of a task on its way, no copy moves.
 */
function placeStandbys(
  tasks: readonly TaskId[],
  members: readonly Member[],
  rules: StandbyRules,
): Map<string, string[]> {
  const copies = new Map(tasks.map((task): [string, string[]] => [nameOf(task), []]));
  const load = new Map(members.map(({ memberId }) => [memberId, 0]));
  const fairShare = Math.ceil((tasks.length * rules.standbys) / members.length);
  const add = (task: TaskId, memberId: string) => {
    copies.get(nameOf(task))?.push(memberId);
    load.set(memberId, (load.get(memberId) ?? 0) + 1);
  };
  const wanting = (task: TaskId) => (copies.get(nameOf(task))?.length ?? 0) < rules.standbys;
  const free = (task: TaskId) => membersWithout(task, members, rules, copies.get(nameOf(task)) ?? []);
  for (const task of tasks) {
    for (const member of members) {
      const isFull = rules.isSettled(nameOf(task)) && (load.get(member.memberId) ?? 0) >= fairShare;
      if (!isFull && wanting(task) && hasStandby(member, task) && free(task).includes(member))
        add(task, member.memberId);
    }
  }
  for (const task of tasks) {
    while (rules.isSettled(nameOf(task)) && wanting(task)) {
      const next = least(free(task), ({ memberId }) => load.get(memberId) ?? 0);
      if (next === undefined) break;
      add(task, next.memberId);
    }
  }
  return copies;
}

/** The members in whose processes there is no directory of the task yet. */
function membersWithout(
  task: TaskId,
  members: readonly Member[],
  { targets, holders, isSettled }: StandbyRules,
  copies: readonly string[],
): Member[] {
  const name = nameOf(task);
  // A task on its way is still with its holder; a copy at its next owner waits there to be taken over.
  const owner = isSettled(name) ? targets.get(name) : holders.get(name);
  const taken = [owner, ...copies].map((id) => members.find(({ memberId }) => memberId === id)?.process);
  return members.filter(({ process }) => !taken.includes(process));
}
