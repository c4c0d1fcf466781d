import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeGroupsV5, joinGroupV9 } from '@platformatic/kafka';
import { systemClock } from '#platform';
import { serversSkip } from '#servers';
import { hasCode } from '../../contract/opened.ts';
import type { GroupMetadata, Membership } from '../../port.ts';
import { GroupMember } from './group-member.ts';
import { takePart } from './round.ts';
import { type Client, Clients, follow, heartbeatUntil, joining } from './testing/clients.ts';

const options = { skip: serversSkip, timeout: 180_000 };

test('many members that join at once end in one generation, each with its share', options, async (t) => {
  const clients = (await Clients.shared(t)) as Clients;
  const opened = await Promise.all([clients.open(), clients.open(), clients.open()]);
  const current = new Map<number, Membership>();
  const isSettled = () => {
    const generations = new Set(Array.from(current.values(), ({ generation }) => generation));
    return current.size === 12 && generations.size === 1;
  };
  const members = await Promise.all(
    Array.from({ length: 12 }, async (_, i) => {
      const ids = i % 2 === 0 ? {} : { memberId: `static-${i}` };
      const { groups } = opened[i % 3] as (typeof opened)[0];
      const first = await groups.join(joining(ids));
      current.set(i, first);
      return follow(first, (member) => {
        current.set(i, member);
        return isSettled();
      });
    }),
  );
  const all = members.map(({ memberId }) => memberId).sort();
  assert.equal(new Set(all).size, 12);
  for (const { memberId, assignment } of members) {
    assert.equal(assignment.toString(), [memberId, ...all].join());
  }
});

test('a follower gets the round that it asks for, though it has nothing new to say', options, async (t) => {
  const { groups } = await ((await Clients.shared(t)) as Clients).open();
  const first = await groups.join(joining());
  const joined = groups.join(joining());
  const leader = await follow(first, ({ generation }) => generation > first.generation);
  const follower = await joined;
  const rejoined = follower.rejoin(Buffer.from('me'));
  const after = await follow(leader, ({ generation }) => generation > leader.generation);
  assert.equal((await rejoined).generation, after.generation);
});

/** The coordinator's members of the group `workers`. */
async function memberIds({ cluster }: Client): Promise<string[]> {
  const connection = await cluster.connection(await cluster.coordinator('group', 'workers'), 'test');
  const { groups } = await describeGroupsV5.api.async(connection, [cluster.prefixed('workers')], false);
  return groups.flatMap(({ members }) => members.map((each) => each.groupInstanceId ?? each.memberId));
}

/** A static member that is alive, and of which another has got the better in a round that it took no part in. */
async function passedOver({ cluster, groups }: Client) {
  const [sessionTimeoutMs, memberId] = [6_000, 'static'];
  const slow = new GroupMember(cluster, joining({ memberId, sessionTimeoutMs }));
  await slow.join();
  const { generation } = slow;
  let isOver = false;
  const joined = groups.join(joining({ sessionTimeoutMs })).finally(() => {
    isOver = true;
  });
  // The round waits for it for a session.
  let beats = 0;
  while (!isOver && beats++ < 20) {
    await slow.heartbeat(generation);
    await systemClock.sleep(20);
  }
  return { slow, generation, other: await joined };
}

test(
  'a static member whom a round has passed over joins no other one as if nothing were',
  options,
  async (t) => {
    const client = await ((await Clients.shared(t)) as Clients).open();
    const { slow, generation, other } = await passedOver(client);
    assert.ok(other.assignment.includes('static'), 'it is in the group all the same');
    await assert.rejects(slow.rejoin(generation, Buffer.from('late')), hasCode('MR_LOG_GENERATION'));
    assert.equal(await other.heartbeat(), 'stable', 'it has begun no round');
    const back = await client.groups.join(joining({ memberId: 'static' }));
    assert.equal(back.generation, other.generation);
    assert.equal(back.assignment.toString(), ['static', ...[other.memberId, 'static'].sort()].join());
  },
);

test('what such a member has said in a round, where it came to that, is not acted on', options, async (t) => {
  const client = await ((await Clients.shared(t)) as Clients).open();
  const { slow, other } = await passedOver(client);
  const late = assert.rejects(takePart(slow, Buffer.from('late'), 1), hasCode('MR_LOG_GENERATION'));
  const following = follow(other, ({ assignment }) => !assignment.includes('static'));
  await late;
  assert.deepEqual(await memberIds(client), [other.memberId], 'it has left');
  const alone = await following;
  assert.equal(alone.assignment.toString(), [other.memberId, other.memberId].join());
});

test('while a member waits for others it answers, and can leave', options, async (t) => {
  const clients = (await Clients.shared(t)) as Clients;
  const { groups } = await clients.open();
  const first = await groups.join(joining());
  const joined = groups.join(joining());
  await heartbeatUntil(first, 'rebalance');
  const [one, two] = await Promise.all([first.rejoin(Buffer.from('me')), joined]);
  const waiting = assert.rejects(one.rejoin(Buffer.from('me')), hasCode('MR_LOG_GENERATION'));
  assert.equal(await one.heartbeat(), 'rebalance');
  await heartbeatUntil(two, 'rebalance');
  await one.leave();
  await waiting;
  assert.equal(await one.heartbeat(), 'expelled');
  const alone = await two.rejoin(Buffer.from('me'));
  assert.equal(alone.assignment.toString(), `${two.memberId},${two.memberId}`);
});

test('the replaced member is known by its membership, and by copies of it', options, async (t) => {
  const clients = (await Clients.shared(t)) as Clients;
  await clients.createTopic('in', 1);
  const { groups } = await clients.open();
  const zombie = await groups.join(joining({ memberId: 'static' }));
  const heir = await groups.join(joining({ memberId: 'static' }));
  const { group, memberId, generation } = heir;
  const commit = (metadata: GroupMetadata, offset: number) =>
    groups.commit(metadata, [{ topic: 'in', partition: 0, offset }]);
  await assert.rejects(commit(zombie, 9), hasCode('MR_LOG_GENERATION'));
  await assert.rejects(commit({ ...zombie }, 9), hasCode('MR_LOG_GENERATION'));
  await assert.rejects(commit(structuredClone({ ...zombie }), 9), hasCode('MR_LOG_GENERATION'));
  await commit(heir, 1);
  await commit({ ...heir }, 2);
  await commit({ group, memberId, generation }, 3);
  await assert.rejects(commit({ ...heir, generation: generation - 1 }, 9), hasCode('MR_LOG_GENERATION'));
  await assert.rejects(commit({ group, memberId: 'stranger', generation }, 9), hasCode('MR_LOG_GENERATION'));
  const kept = await groups.committed(group, [{ topic: 'in', partition: 0 }]);
  assert.deepEqual(kept, [{ topic: 'in', partition: 0, offset: 3 }]);
  assert.deepEqual(groups.member({ group: 'other', memberId: '', generation: -1 }), {
    memberId: '',
    generation: -1,
    instanceId: null,
  });
});

test('a session that the brokers do not allow is a wrong configuration', options, async (t) => {
  const { groups } = await ((await Clients.shared(t)) as Clients).open();
  await assert.rejects(groups.join(joining({ sessionTimeoutMs: 1 })), hasCode('MR_KAFKA_SESSION'));
});

test('a group of other consumers is not joined', options, async (t) => {
  const { cluster, groups } = await ((await Clients.shared(t)) as Clients).open();
  const connection = await cluster.connection(await cluster.coordinator('group', 'taken'), 'test');
  const name = cluster.prefixed('taken');
  const protocols = [{ name: 'range', metadata: Buffer.alloc(0) }];
  await joinGroupV9.api.async(connection, name, 5000, 5000, '', 'foreign', 'consumer', protocols, null);
  await assert.rejects(groups.join(joining({ group: 'taken' })), hasCode('MR_KAFKA_GROUP'));
});

test('a member that fails to lead leaves the group to others', options, async (t) => {
  const client = await ((await Clients.shared(t)) as Clients).open();
  const { groups } = client;
  const assign = () => {
    throw new RangeError('no share');
  };
  await assert.rejects(groups.join(joining({ memberId: 'a', assign, sessionTimeoutMs: 60_000 })), RangeError);
  assert.deepEqual(await memberIds(client), []);
  const member = await groups.join(joining({ memberId: 'b' }));
  assert.equal(member.assignment.toString(), 'b,b');
});
