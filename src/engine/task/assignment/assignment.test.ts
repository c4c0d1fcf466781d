import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { decodeShare, encodeMetadata, nameOf, type Share, type TaskId } from './assignment.ts';
import { assignTasks } from './placement.ts';

/** A group on paper: members do at once what their shares say. */
class Group {
  readonly tasks: readonly TaskId[];
  readonly standbys: number;
  readonly members = new Map<
    string,
    { process: string; active: readonly TaskId[]; standby: readonly TaskId[] }
  >();

  constructor(tasks: readonly TaskId[], standbys: number) {
    this.tasks = tasks;
    this.standbys = standbys;
  }

  join(memberId: string, process = memberId): void {
    this.members.set(memberId, { process, active: [], standby: [] });
  }

  round(): Map<string, Share> {
    const members = Array.from(this.members, ([memberId, metadata]) => {
      return { memberId, metadata: encodeMetadata(metadata) };
    });
    const { tasks, standbys } = this;
    const shares = new Map(
      Array.from(assignTasks({ tasks, standbys }, members), ([id, bytes]) => [id, decodeShare(bytes)]),
    );
    for (const [id, { active }] of shares) {
      const others = [...this.members].filter(([other]) => other !== id);
      for (const task of active.map(nameOf)) {
        const holder = others.find(([, member]) => member.active.map(nameOf).includes(task));
        assert.equal(holder, undefined, `${task} is given to ${id} while another holds it`);
      }
    }
    for (const [id, { active, standby }] of shares) {
      const { process } = this.members.get(id) ?? assert.fail();
      this.members.set(id, { process, active, standby });
    }
    this.#assertApart();
    return shares;
  }

  /** No process has a task twice. */
  #assertApart(): void {
    for (const members of Map.groupBy(this.members.values(), ({ process }) => process).values()) {
      const names = members.flatMap(({ active, standby }) => [...active, ...standby].map(nameOf));
      assert.equal(new Set(names).size, names.length, `a process has a task twice: ${names.join(' ')}`);
    }
  }

  /** What a member that lost tasks begins, and the round after the last one that did. */
  settle(): void {
    this.round();
    this.round();
  }

  get standing(): string {
    return JSON.stringify([...this.members]);
  }

  get owners(): string {
    return JSON.stringify(Array.from(this.members, ([id, { active }]) => [id, active]));
  }

  assertSettled(): void {
    const { members, tasks } = this;
    const held = [...members.values()].flatMap(({ active }) => active.map(nameOf));
    assert.deepEqual(held.sort(), tasks.map(nameOf).sort(), 'every task has one owner');
    const spread = (subTopology?: string) => {
      const counts = Array.from(members.values(), ({ active }) => {
        return active.filter((task) => subTopology === undefined || task.subTopology === subTopology).length;
      });
      return Math.max(...counts) - Math.min(...counts);
    };
    assert.ok(spread() <= 1, `uneven: ${this.standing}`);
    for (const { subTopology } of tasks) assert.ok(spread(subTopology) <= 1, `${subTopology} is uneven`);
    const processes = new Set(Array.from(members.values(), ({ process }) => process)).size;
    for (const task of tasks.map(nameOf)) {
      const copies = [...members.values()].filter(({ standby }) => standby.map(nameOf).includes(task)).length;
      assert.equal(copies, Math.min(this.standbys, processes - 1), `copies of ${task}`);
    }
    const before = this.owners;
    this.round();
    assert.equal(this.owners, before, 'another round moves no task');
    // A copy stays where it is while its task is on its way, also where that is more than a member's share.
    this.settle();
    const rested = this.standing;
    this.round();
    assert.equal(this.standing, rested, 'copies come to rest as well');
  }
}

const tasksOfParts = (...partitions: readonly number[]): TaskId[] =>
  partitions.flatMap((count, i) =>
    Array.from({ length: count }, (_, partition) => ({ subTopology: `s${i}`, partition })),
  );

const changes = fc.array(
  fc.record({
    kind: fc.constantFrom('join', 'leave', 'round'),
    member: fc.nat(5),
    process: fc.nat(2),
  }),
  { maxLength: 12 },
);

describe('the assignment of tasks', () => {
  it('never gives a task two owners or a process a task twice, and comes to rest evenly within two rounds', () => {
    const partitions = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(partitions, fc.nat(2), changes, (counts, standbys, steps) => {
        const group = new Group(tasksOfParts(...counts), standbys);
        group.join('m0', 'p0');
        for (const { kind, member, process } of steps) {
          if (kind === 'join' && !group.members.has(`m${member}`)) group.join(`m${member}`, `p${process}`);
          if (kind === 'leave' && group.members.size > 1) group.members.delete(`m${member}`);
          group.round();
        }
        group.settle();
        group.assertSettled();
      }),
      { numRuns: 300 },
    );
  });

  it('moves no more tasks than the new member needs, and tells everybody who has which', () => {
    const group = new Group(tasksOfParts(8, 4), 0);
    group.join('a');
    group.join('b');
    group.settle();
    const before = new Map(Array.from(group.members, ([id, { active }]) => [id, active.map(nameOf)]));
    group.join('c');
    const first = group.round();
    const free = [...(first.get('c')?.owners ?? [])].filter(([, { active }]) => active === undefined);
    assert.equal(free.length, 4, 'on their way');
    group.round();
    assert.equal(group.members.get('c')?.active.length, 4);
    for (const id of ['a', 'b']) {
      const kept = group.members.get(id)?.active.map(nameOf) ?? [];
      assert.ok(kept.every((task) => before.get(id)?.includes(task)));
    }
    const { owners } = group.round().get('a') ?? assert.fail();
    for (const [id, { active }] of group.members) {
      for (const task of active) assert.equal(owners.get(nameOf(task))?.active?.memberId, id);
    }
  });

  it('gives processes of as many threads as many tasks, whoever comes first', () => {
    for (const order of [
      ['a-0', 'a-1', 'b-0', 'b-1'],
      ['a-0', 'b-0', 'a-1', 'b-1'],
      ['b-1', 'a-1', 'a-0', 'b-0'],
    ]) {
      const group = new Group(tasksOfParts(6, 2), 1);
      for (const id of order) {
        group.join(id, id.slice(0, 1));
        group.settle();
      }
      group.assertSettled();
      for (const process of ['a', 'b']) {
        const threads = [...group.members.values()].filter((member) => member.process === process);
        assert.equal(threads.flatMap(({ active }) => active).length, 4, `${process} of ${order.join()}`);
      }
    }
  });

  it('gives what nobody has had to the first of those who have as little', () => {
    const group = new Group(tasksOfParts(3, 1), 0);
    for (const id of ['a', 'b', 'c']) group.join(id);
    group.round();
    const held = Object.fromEntries(
      Array.from(group.members, ([id, { active }]) => [id, active.map(nameOf)]),
    );
    assert.deepEqual(held, { a: ['s0-0', 's1-0'], b: ['s0-1'], c: ['s0-2'] });
  });

  it('gives a dead member’s tasks to those who have followed them', () => {
    const group = new Group(tasksOfParts(6), 1);
    for (const id of ['a', 'b', 'c']) group.join(id);
    group.settle();
    const lost = group.members.get('c')?.active.map(nameOf) ?? [];
    const copies = new Map(Array.from(group.members, ([id, { standby }]) => [id, standby.map(nameOf)]));
    group.members.delete('c');
    group.round();
    for (const task of lost) {
      const heir = [...group.members].find(([, { active }]) => active.map(nameOf).includes(task))?.[0] ?? '';
      const withCopy = ['a', 'b'].filter((id) => copies.get(id)?.includes(task));
      assert.deepEqual(withCopy, [heir], task);
    }
  });
});
