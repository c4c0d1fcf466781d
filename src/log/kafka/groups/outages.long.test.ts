import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { eventually } from '#platform/testing';
import { type KafkaServer, ownKafka } from '#servers';
import type { Membership } from '../../port.ts';
import { type Client, Clients, follow, heartbeatUntil, joining } from './testing/clients.ts';

const at = (offset: number) => ({ topic: 'in', partition: 0, offset });

/** Two members of one generation, the second a static one, each of a client of its own. */
async function pair(t: TestContext, kafka: KafkaServer) {
  const clients = new Clients(t, kafka.url);
  await clients.createTopic('in', 1);
  const [one, two] = [await clients.open(), await clients.open()];
  const alone = await one.groups.join(joining());
  const joined = two.groups.join(joining({ memberId: 'static' }));
  const first = await follow(alone, ({ generation }) => generation > alone.generation);
  return { one, two, first, second: await joined };
}

/** What an engine does: goes on, or rejoins. */
async function goOn({ groups }: Client, member: Membership, memberId?: string): Promise<Membership> {
  const answer = await heartbeatUntil(member, 'stable', 'rebalance', 'expelled');
  if (answer === 'stable') return member;
  if (answer === 'rebalance') return member.rejoin(Buffer.from('me'));
  return groups.join(joining(memberId === undefined ? {} : { memberId }));
}

test('groups outlive what happens to a broker', { timeout: 120_000 }, async (t) => {
  const kafka = await ownKafka(t);
  if (kafka === undefined) return;

  await t.test('killed and started again, it finds its members waiting', async (t) => {
    const { one, two, first, second } = await pair(t, kafka);
    await one.groups.commit(first, [at(1)]);
    await kafka.kill();
    const committing = two.groups.commit(second, [at(2)]);
    const beating = first.heartbeat();
    await kafka.restart();
    await committing;
    assert.notEqual(await beating, 'expelled', 'it gives those that it knew a new session');
    const [a, b] = await Promise.all([goOn(one, first), goOn(two, second, 'static')]);
    assert.equal(a.generation, b.generation);
    await one.groups.commit(a, [at(3)]);
    assert.deepEqual(await two.groups.committed('workers', [at(0)]), [at(3)]);
  });

  await t.test('stopped for a moment, it delays a round', async (t) => {
    const { one, two, first, second } = await pair(t, kafka);
    kafka.pause();
    const rejoining = first.rejoin(Buffer.from('me'));
    const beating = second.heartbeat();
    kafka.resume();
    assert.notEqual(await beating, 'expelled');
    const b = await follow(second, ({ generation }) => generation > first.generation);
    const a = await rejoining;
    assert.equal(a.generation, b.generation);
    await two.groups.commit(b, [at(4)]);
    assert.deepEqual(await one.groups.committed('workers', [at(0)]), [at(4)]);
  });

  await t.test('silent for a session, it is asked over another connection', async (t) => {
    const { cluster, groups } = await new Clients(t, kafka.url).open();
    const member = await groups.join(joining({ sessionTimeoutMs: 300 }));
    const connection = async () =>
      cluster.connection(await cluster.coordinator('group', 'workers'), 'group-0');
    const before = await connection();
    kafka.pause();
    const beating = member.heartbeat();
    await eventually(async () => (await connection()) !== before);
    kafka.resume();
    assert.ok(['stable', 'expelled'].includes(await beating));
  });
});

test('a group goes on at the next coordinator', { timeout: 120_000 }, async (t) => {
  const kafka = await ownKafka(t, { brokers: 3 });
  if (kafka === undefined) return;
  const clients = new Clients(t, kafka.url);
  await clients.createTopic('in', 1);
  const { cluster, groups } = await clients.open();
  // The first broker is the controller too: without it there would be no next coordinator.
  let group = 'workers';
  while ((await cluster.coordinator('group', group)) === 1) group += '-';
  const before = await cluster.coordinator('group', group);
  const member = await groups.join(joining({ group, sessionTimeoutMs: 30_000 }));
  await groups.commit(member, [at(1)]);
  await kafka.members[before - 1]?.kill();
  assert.equal(await heartbeatUntil(member, 'stable', 'rebalance', 'expelled'), 'stable');
  await groups.commit(member, [at(2)]);
  assert.deepEqual(await groups.committed(group, [at(0)]), [at(2)]);
  const next = await member.rejoin(Buffer.from('me'));
  assert.ok(next.generation > member.generation);
  assert.notEqual(await cluster.coordinator('group', group), before);
});
