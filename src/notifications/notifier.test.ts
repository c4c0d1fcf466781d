import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { writeRecords } from '#engine';
import { systemClock } from '#platform';
import type { Version, VersionStatus } from '#schemas';
import { openRegistryWorld, type RegistryWorld } from '#versions/testing';
import { signatureOf } from './message.ts';
import { NOTIFICATIONS_GROUP, type NotifierOptions, notify } from './notifier.ts';

const SECRET = 'a secret of enough length';

type Received = { readonly headers: Record<string, string>; readonly text: string };

/** A receiver that answers with these codes, then with 200. */
async function receiver(t: TestContext, ...codes: number[]) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push({ headers: request.headers as Record<string, string>, text });
      response.statusCode = codes.shift() ?? 200;
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const several = async (count: number) => {
    while (received.length < count) await systemClock.sleep(5);
    return received;
  };
  return { url: `http://127.0.0.1:${port}/hook`, received, several };
}

/** Runs a notifier until the test ends or it is stopped; resolves when it has its place. */
async function started(world: RegistryWorld, changes: Partial<NotifierOptions> & { url: string }) {
  const stopping = new AbortController();
  const running = notify(
    {
      ...world,
      instanceId: 'main',
      format: 'json',
      secret: SECRET,
      statuses: ['promoted', 'rejected', 'rolled_back'],
      firstPauseMs: 5,
      ...changes,
    },
    stopping.signal,
  );
  const stop = async () => {
    stopping.abort();
    await running;
  };
  world.users.push(stop);
  const at = { topic: 'versions', partition: 0 };
  while ((await world.log.committedOffsets(NOTIFICATIONS_GROUP, [at]))[0] == null) await systemClock.sleep(5);
  return stop;
}

/** Writes steps of versions as the registry does. */
async function happens(
  { log, topics, stored }: RegistryWorld,
  ...steps: readonly (readonly [status: VersionStatus, version: string, changes?: Partial<Version>])[]
): Promise<void> {
  const candidate = await stored();
  const values = steps.map(([status, version, changes = {}]): Version => {
    const step = { version, status, ts: Date.now(), command_id: `${status}-${version}`, reason: null };
    const nobody = { actor: null, previous: null, gates: [] };
    return { ...step, candidate: { ...candidate, version }, ...nobody, ...changes };
  });
  const records = values.map((value) => ({ key: value.version, value, timestamp: value.ts }));
  await writeRecords(log, topics.versions, records);
}

const opened = (t: TestContext) => openRegistryWorld(t, { isProcessed: false });

const bodies = (received: readonly Received[]) =>
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire
  received.map(({ text }) => JSON.parse(text) as any);

describe('notifications', { timeout: 120_000 }, () => {
  it('tell of promotions, rejections and rollbacks, signed, from the first start on', async (t) => {
    const world = await opened(t);
    await happens(world, ['promoted', 'before']);
    const hook = await receiver(t);
    await started(world, { url: hook.url });
    const gate = { gate: 'minimum', metric: 'recall@100', value: 0.01, threshold: 0.1, passed: false };
    await happens(
      world,
      ['registered', 'a'],
      ['staged', 'a'],
      ['promoted', 'a'],
      ['rolled_back', 'a', { actor: 'ada', reason: 'complaints' }],
      ['promoted', 'before', { previous: 'a' }],
      ['rejected', 'b', { gates: [gate], reason: 'gate minimum' }],
    );
    const received = await hook.several(4);
    assert.deepEqual(
      bodies(received).map(({ event, version }) => [event, version]),
      [
        ['version.promoted', 'a'],
        ['version.rolled_back', 'a'],
        ['version.promoted', 'before'],
        ['version.rejected', 'b'],
      ],
    );
    const [, rolledBack, returned, refused] = bodies(received);
    assert.deepEqual([rolledBack.actor, rolledBack.reason, returned.previous], ['ada', 'complaints', 'a']);
    assert.deepEqual([refused.gates, refused.metrics], [[gate], { 'recall@10': 0.5 }]);
    for (const { headers, text } of received) {
      const timestamp = headers['x-millrace-timestamp'] as string;
      assert.ok(Math.abs(Number(timestamp) - Date.now() / 1_000) < 600);
      assert.equal(headers['x-millrace-signature'], signatureOf(SECRET, timestamp, text));
      assert.equal(headers['x-millrace-delivery'], JSON.parse(text).id);
    }
    assert.equal(new Set(received.map(({ headers }) => headers['x-millrace-delivery'])).size, 4);
  });

  it('are signed as anyone can check', () => {
    // printf '1700000000.{}' | openssl dgst -sha256 -hmac key
    const expected = 'sha256=9d713ed406bb7076d4123f0dc2c39d2df5c654ed4b0cd56b52c8b4c940bd63ae';
    assert.equal(signatureOf('key', '1700000000', '{}'), expected);
    assert.notEqual(signatureOf('key', '1700000001', '{}'), signatureOf('key', '1700000000', '{}'));
  });

  it('are tried again until they are taken, in order, and gone on with after a restart', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t, 500, 429, 503);
    const stop = await started(world, { url: hook.url });
    await happens(world, ['promoted', 'first'], ['promoted', 'second']);
    const received = await hook.several(5);
    assert.deepEqual(
      bodies(received).map(({ version }) => version),
      ['first', 'first', 'first', 'first', 'second'],
    );
    assert.equal(new Set(received.slice(0, 4).map(({ headers }) => headers['x-millrace-delivery'])).size, 1);
    await stop();
    await happens(world, ['promoted', 'missed']);
    await started(world, { url: hook.url });
    // What was delivered and not committed when it was stopped may come once more.
    const later = async (count: number) =>
      bodies((await hook.several(count)).slice(5)).map(({ version }) => version);
    const after = await later(6);
    assert.ok(
      after[0] === 'missed' || (after[0] === 'second' && (await later(7))[1] === 'missed'),
      `${after}`,
    );
    assert.match(await world.metrics.render(), /notifications_total\{outcome="failed"\} 3/);
  });

  it('that the receiver refuses go to the dead letters, and hold nothing up', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t, 404);
    await started(world, { url: hook.url });
    await happens(world, ['promoted', 'refused'], ['promoted', 'next']);
    assert.equal(bodies(await hook.several(2))[1].version, 'next');
    const letters = await world.deadLetters();
    assert.deepEqual(
      letters.map(({ topic, operator, reason, key }) => [topic, operator, reason, key?.toString()]),
      [['versions', 'notifications', 'MR_NOTIFICATION_REFUSED', 'refused']],
    );
  });

  it('speak to Slack in its own way', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t);
    await started(world, { url: hook.url, format: 'slack', secret: undefined });
    await happens(
      world,
      ['promoted', 'a'],
      ['promoted', 'b', { previous: 'a' }],
      ['rolled_back', 'b', { actor: 'ada', reason: '<b> & co' }],
    );
    const received = await hook.several(3);
    assert.equal(received[0]?.headers['x-millrace-signature'], undefined);
    const texts = bodies(received).map(({ text }) => text as string);
    assert.equal(texts[0], '*promoted*: version `a` (test, retrieval)');
    assert.equal(texts[1], '*promoted*: version `b` (test, retrieval) in place of `a`');
    assert.equal(texts[2], '*rolled back*: version `b` (test, retrieval) by ada because &lt;b&gt; &amp; co');
  });
});
