import assert from 'node:assert/strict';
import { it, type TestContext } from 'node:test';
import { Redis } from 'ioredis';
import { seededRandom } from '#models';
import { testSeed } from '#platform/testing';
import { redisServer } from '#servers';
import { interaction, openWorld, userRowsTopic } from '../../testing/world.ts';
import { shardOf } from './keyspace.ts';
import { ownNamespace, redisViews, silent } from './testing/redis-views.ts';
import { verifyRedisRows } from './verify-rows.ts';

const users = Array.from({ length: 20 }, (_, i) => `user-${i}`);

/** Rows of all users in Redis, of which some were deleted again, with a client of the test's own. */
async function opened(t: TestContext) {
  const redis = await redisServer(t);
  if (redis === undefined) return undefined;
  const world = await openWorld(t);
  const url = ownNamespace(redis.url);
  const views = await redisViews(t, world, url);
  for (const id of users) await world.putUserRow(id, [interaction(id, 'item-1')]);
  const writer = await views.writer();
  await writer.caughtUp;
  const client = new Redis(redis.url);
  t.after(() => client.disconnect());
  const generation = (await views.generations.live()) ?? assert.fail();
  const keyOf = (user: string) => {
    const { keys } = views.environment;
    return keys.row(keys.mark(generation, 'user', shardOf(user)), userRowsTopic, user);
  };
  const verify = (share = 1, location = { url }) =>
    verifyRedisRows(location, {
      ...world,
      logger: silent,
      modules: [],
      now: () => 1,
      share,
      random: Math.random,
    });
  const verifyElsewhere = () => verify(1, { url: ownNamespace(redis.url) });
  return { world, writer, client, keyOf, verify, verifyElsewhere, views };
}

it('finds each of 100 flipped bits in rows in Redis', { timeout: 120_000 }, async (t) => {
  const random = seededRandom(testSeed);
  const redis = await opened(t);
  if (redis === undefined) return;
  const { client, keyOf, verify, verifyElsewhere, writer } = redis;
  await writer.close();
  assert.deepEqual(await verifyElsewhere(), { rows: 0, isBuilt: false, problems: [] });
  const sound = await verify();
  assert.deepEqual(sound.problems, []);
  assert.ok(sound.rows >= users.length);
  for (let i = 0; i < 100; i++) {
    const user = users[random.integer(users.length)] ?? '';
    const row = (await client.getBuffer(keyOf(user))) ?? assert.fail();
    const bit = random.integer(8 * row.length);
    const flipped = Buffer.from(row);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    await client.set(keyOf(user), flipped);
    const { problems } = await verify();
    assert.equal(problems.length, 1, `bit ${bit} of ${user}, seed ${testSeed}`);
    assert.match(problems[0] ?? '', new RegExp(`^${userRowsTopic} "${user}": `));
    await client.set(keyOf(user), row);
  }
  assert.deepEqual(await verify(), sound);
});

it('finds rows that are missing or unknown; rows that change meanwhile, or are deleted, are equal', {
  timeout: 120_000,
}, async (t) => {
  const redis = await opened(t);
  if (redis === undefined) return;
  const { world, client, keyOf, verify, writer } = redis;
  let isWriting = true;
  const writing = (async () => {
    for (let i = 0; isWriting; i++)
      await world.putUserRow(users[i % 3] ?? '', [interaction(users[i % 3] ?? '', `item-${i}`)]);
  })();
  for (let i = 0; i < 10; i++) assert.deepEqual((await verify(i % 2 === 0 ? 1 : 0.5)).problems, []);
  isWriting = false;
  await writing;
  await writer.close();
  const row = (await client.getBuffer(keyOf('user-7'))) ?? assert.fail();
  await client.del(keyOf('user-7'));
  await client.set(keyOf('nobody'), row);
  const { problems } = await verify();
  assert.equal(problems.length, 2);
  assert.match(problems[0] ?? '', /"user-7": the row is missing; it was written at offset \d+/);
  assert.match(problems[1] ?? '', /no record stands for .*nobody$/);
});
