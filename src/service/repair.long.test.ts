import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { it } from 'node:test';
import { writeRecords } from '#engine';
import { asOfRows, userFeaturesView } from '#features';
import { systemClock } from '#platform';
import { RedisViewWriter } from '#responders';
import { redisServer } from '#servers';
import { repair } from './repair.ts';
import { installed } from './testing/installed.ts';
import { verifyDerived } from './verification/verify-derived.ts';

const USERS = ['ann', 'bob', 'cleo'];

/** What a server replies to a command on a line. */
async function redisSays(url: string, command: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let reply = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    reply += text;
  });
  socket.end(`${command}\r\nQUIT\r\n`);
  await once(socket, 'close');
  return reply.replaceAll('\r', '');
}

it('rows in Redis that were changed or lost are the log’s again, all at once', async (t) => {
  const redis = await redisServer(t);
  if (redis === undefined) return;
  const namespace = `test-${randomUUID().slice(0, 8)}`;
  const url = `${redis.url}?namespace=${namespace}`;
  const { installation, shutdown } = await installed(t, { views: url });
  const { log, logger, metrics, topics } = installation;
  const rows = asOfRows(userFeaturesView);
  const value = rows.toViewState(rows.empty());
  const put = (users: readonly string[]) =>
    writeRecords(
      log,
      topics['user-features-2'],
      users.map((key) => ({ key, value, timestamp: systemClock.now() })),
    );
  await put(USERS);
  const writer = await RedisViewWriter.open({ url }, { log, logger, metrics, clock: systemClock }, topics);
  await writer.caughtUp;
  await writer.close();
  const found = async () => {
    const options = { sample: { share: 1, random: Math.random }, storesInUse: true };
    for await (const finding of verifyDerived(installation, shutdown, options))
      if (finding.task === 'views in Redis') return finding;
    return assert.fail();
  };
  const { result, rows: count } = await found();
  assert.deepEqual([result, count], ['equal', USERS.length]);

  const keys = await redisSays(redis.url, `KEYS ${namespace}*`);
  const keyOf = (user: string) =>
    new RegExp(`^${namespace}\\S*:${user}$`, 'm').exec(keys)?.[0] ?? assert.fail(keys);
  await redisSays(redis.url, `SETRANGE ${keyOf('ann')} 0 x`);
  await redisSays(redis.url, `DEL ${keyOf('bob')}`);
  const damaged = await found();
  assert.equal(damaged.result, 'different');
  assert.match(damaged.detail, /"ann"/);
  assert.match(damaged.detail, /"bob"/);

  assert.deepEqual(await repair('redis', installation, shutdown), {
    repaired: ['views in Redis'],
    left: [],
  });
  const { result: after, rows: whole } = await found();
  assert.deepEqual([after, whole], ['equal', USERS.length]);
});

it('without rows in Redis there are none to repair, and nothing is named that is not there', async (t) => {
  const { installation, shutdown } = await installed(t);
  for (const what of ['redis', 'nothing-0'])
    await assert.rejects(repair(what, installation, shutdown), { code: 'MR_REPAIR_UNKNOWN' });
  await assert.rejects(repair('0123456789abcdef', installation, shutdown), { code: 'MR_REPAIR_IMPOSSIBLE' });
});
