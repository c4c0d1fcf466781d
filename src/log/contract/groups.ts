import assert from 'node:assert/strict';
import type { GroupMember, JoinOptions, Log, Membership } from '../port.ts';
import { at, type ContractTest, hasCode, keepForEver, type OpenedLog, text } from './opened.ts';

/** Gives each member the list of all members' metadata, with its own first. */
const shareOut = (members: readonly GroupMember[]): ReadonlyMap<string, Buffer> => {
  const all = members
    .map((member) => member.metadata.toString())
    .sort()
    .join();
  return new Map(members.map((member) => [member.memberId, Buffer.from(`${member.metadata}:${all}`)]));
};

const options = (opened: OpenedLog, metadata: string, more: Partial<JoinOptions> = {}): JoinOptions => ({
  group: 'workers',
  metadata: Buffer.from(metadata),
  sessionTimeoutMs: opened.sessionTimeoutMs * 20,
  assign: shareOut,
  ...more,
});

/** Heartbeats until the group's state is `status`. */
async function until({ clock }: OpenedLog, member: Membership, status: 'stable' | 'rebalance' | 'expelled') {
  while ((await member.heartbeat()) !== status) await clock.sleep(10);
}

/** Two members of one generation. */
async function pair(
  opened: OpenedLog,
  second: Log,
  more: Partial<JoinOptions> = {},
): Promise<[Membership, Membership]> {
  const first = await opened.log.joinGroup(options(opened, 'a'));
  const joining = second.joinGroup(options(opened, 'b', more));
  await until(opened, first, 'rebalance');
  return Promise.all([first.rejoin(Buffer.from('a2')), joining]);
}

/** Groups: rounds, leaders, generations, expulsion, static members, offsets. */
export function groupTests(contract: ContractTest): void {
  contract('a lone member leads its round and gets its own share', async (opened) => {
    const member = await opened.log.joinGroup(options(opened, 'a'));
    assert.equal(member.group, 'workers');
    assert.ok(member.memberId.length > 0);
    assert.equal(member.assignment.toString(), 'a:a');
    assert.equal(await member.heartbeat(), 'stable');
  });

  contract('a second member begins a round; both get one new generation', async (opened) => {
    const other = await opened.another();
    const before = await opened.log.joinGroup(options(opened, 'a'));
    const joining = other.joinGroup(options(opened, 'b'));
    await until(opened, before, 'rebalance');
    const [first, second] = await Promise.all([before.rejoin(Buffer.from('a2')), joining]);
    assert.equal(first.memberId, before.memberId);
    assert.notEqual(first.memberId, second.memberId);
    assert.equal(first.generation, second.generation);
    assert.ok(first.generation > before.generation);
    assert.deepEqual([first.assignment.toString(), second.assignment.toString()], ['a2:a2,b', 'b:a2,b']);
    await until(opened, first, 'stable');
    await until(opened, second, 'stable');
    await other.close();
  });

  contract('a member that leaves makes room at once', async (opened) => {
    const [first, second] = await pair(opened, opened.log);
    await second.leave();
    await until(opened, first, 'rebalance');
    const alone = await first.rejoin(Buffer.from('alone'));
    assert.equal(alone.assignment.toString(), 'alone:alone');
    assert.equal(await second.heartbeat(), 'expelled');
    await second.leave();
    assert.equal(await alone.heartbeat(), 'stable');
  });

  contract(
    'a member without heartbeats is out after its session; the round goes on without it',
    async (opened) => {
      await opened.log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
      const { sessionTimeoutMs } = opened;
      const [first, silent] = await pair(opened, opened.log, { sessionTimeoutMs });
      await until(opened, first, 'rebalance');
      const alone = await first.rejoin(Buffer.from('alone'));
      assert.equal(alone.assignment.toString(), 'alone:alone');
      const commit = opened.log.commitOffsets(silent, [{ ...at('in'), offset: 1 }]);
      await assert.rejects(commit, hasCode('MR_LOG_GENERATION'));
      assert.equal(await silent.heartbeat(), 'expelled');
      await assert.rejects(silent.rejoin(Buffer.from('b')), hasCode('MR_LOG_GENERATION'));
    },
  );

  contract('a member that dies while a round is on does not hold it up', async (opened) => {
    const { sessionTimeoutMs } = opened;
    const [first] = await pair(opened, opened.log, { sessionTimeoutMs });
    const joining = opened.log.joinGroup(options(opened, 'c'));
    await until(opened, first, 'rebalance');
    const [alive, third] = await Promise.all([first.rejoin(Buffer.from('a3')), joining]);
    assert.deepEqual([alive.assignment.toString(), third.assignment.toString()], ['a3:a3,c', 'c:a3,c']);
  });

  contract(
    'a static member takes its old place at once, and fences whoever runs under its id',
    async (opened) => {
      await opened.log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
      const other = await opened.another();
      const [first, second] = await pair(opened, other, { memberId: 'static' });
      assert.equal(second.memberId, 'static');
      const heir = await opened.log.joinGroup(options(opened, 'b', { memberId: 'static' }));
      assert.equal(heir.memberId, 'static');
      assert.deepEqual(heir.assignment, second.assignment);
      assert.equal(await first.heartbeat(), 'stable', 'nobody else is disturbed');
      await opened.log.commitOffsets(first, [{ ...at('in'), offset: 1 }]);
      await opened.log.commitOffsets(heir, [{ ...at('in'), offset: 2 }]);
      assert.equal(await second.heartbeat(), 'expelled');
      const stale = other.commitOffsets(second, [{ ...at('in'), offset: 9 }]);
      await assert.rejects(stale, hasCode('MR_LOG_GENERATION'));
      assert.deepEqual(await opened.log.committedOffsets('workers', [at('in')]), [
        { ...at('in'), offset: 2 },
      ]);
      await other.close();
    },
  );

  contract('rejoining out of turn begins a round for all', async (opened) => {
    const [first, second] = await pair(opened, opened.log);
    const rejoining = first.rejoin(Buffer.from('a4'));
    await until(opened, second, 'rebalance');
    const [one, two] = await Promise.all([rejoining, second.rejoin(Buffer.from('b4'))]);
    assert.deepEqual([one.assignment.toString(), two.assignment.toString()], ['a4:a4,b4', 'b4:a4,b4']);
    assert.equal(one.generation, two.generation);
  });

  contract('a leader that cannot assign leaves; another member leads', async (opened) => {
    const failing = opened.log.joinGroup(
      options(opened, 'a', {
        assign: () => {
          throw new TypeError('no share');
        },
      }),
    );
    await assert.rejects(failing, TypeError);
    const strangers = opened.log.joinGroup(
      options(opened, 'a', { assign: () => new Map([['stranger', Buffer.alloc(0)]]) }),
    );
    await assert.rejects(strangers, hasCode('MR_LOG_INVALID_ASSIGNMENT'));
    const member = await opened.log.joinGroup(options(opened, 'b'));
    assert.equal(member.assignment.toString(), 'b:b');
  });

  contract('a stale generation cannot commit, the current one can', async (opened) => {
    await opened.log.createTopics([{ name: 'in', partitions: 2, cleanup: keepForEver }]);
    const before = await opened.log.joinGroup(options(opened, 'a'));
    await opened.log.commitOffsets(before, [{ ...at('in'), offset: 5, metadata: 'first' }]);
    const now = await before.rejoin(Buffer.from('a'));
    assert.ok(now.generation > before.generation);
    const stale = opened.log.commitOffsets(before, [{ ...at('in'), offset: 6 }]);
    await assert.rejects(stale, hasCode('MR_LOG_GENERATION'));
    const nobody = opened.log.commitOffsets({ group: 'workers', memberId: '', generation: -1 }, [
      { ...at('in'), offset: 7 },
    ]);
    await assert.rejects(nobody, hasCode('MR_LOG_GENERATION'), 'not while the group has members');
    await opened.log.commitOffsets(now, [{ ...at('in', 1), offset: 8 }]);
    assert.deepEqual(
      await opened.log.committedOffsets('workers', [at('in', 1), at('in', 0), at('unknown')]),
      [{ ...at('in', 1), offset: 8 }, { ...at('in'), offset: 5, metadata: 'first' }, undefined],
    );
  });

  contract('offsets are kept for each group, also for one without members', async ({ log }) => {
    await log.createTopics([{ name: 'in', partitions: 1, cleanup: keepForEver }]);
    const producer = await log.producer();
    await producer.append('in', 0, [text('a')]);
    const nobody = { group: 'readers', memberId: '', generation: -1 };
    await log.commitOffsets(nobody, [{ ...at('in'), offset: 1 }]);
    await log.commitOffsets(nobody, [{ ...at('in'), offset: 0, metadata: 'é'.repeat(2048) }]);
    assert.deepEqual(await log.committedOffsets('readers', [at('in')]), [
      { ...at('in'), offset: 0, metadata: 'é'.repeat(2048) },
    ]);
    assert.deepEqual(await log.committedOffsets('others', [at('in')]), [undefined]);
    assert.deepEqual(await log.groups(), ['readers']);
    const long = log.commitOffsets(nobody, [{ ...at('in'), offset: 1, metadata: 'é'.repeat(2049) }]);
    await assert.rejects(long, hasCode('MR_LOG_METADATA_TOO_LONG'));
    for (const offset of [-1, 1.5, Number.NaN, 2 ** 53]) {
      const none = log.commitOffsets(nobody, [{ ...at('in'), offset }]);
      await assert.rejects(none, hasCode('MR_LOG_INVALID_OFFSET'));
    }
  });
}
