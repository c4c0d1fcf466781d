import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { verifyWebHook } from '#client';
import { writeRecords } from '#engine';
import { recordsIn } from '#log/testing';
import { type Logger, systemClock } from '#platform';
import { eventually } from '#platform/testing';
import type { JobRun, Version, VersionStatus } from '#schemas';
import { openRegistryWorld, type RegistryWorld } from '#versions/testing';
import { type WebHookOptions, webHook } from './channels/web-hook.ts';
import { type NotifierOptions, notify } from './notifier.ts';

const SECRET = 'a secret of enough length';

type Received = { readonly path: string; readonly headers: Record<string, string>; readonly text: string };

/** A receiver that answers with these codes, then with 200; redirects lead to itself. */
async function receiver(t: TestContext, ...codes: number[]) {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      received.push({ path: request.url ?? '', headers: request.headers as Record<string, string>, text });
      response.statusCode = codes.shift() ?? 200;
      if (response.statusCode < 400) response.setHeader('location', '/elsewhere');
      response.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => new Promise((resolve) => server.close(resolve)));
  const { port } = server.address() as AddressInfo;
  const several = async (count: number) => {
    await eventually(() => received.length >= count);
    return received;
  };
  return { url: `http://127.0.0.1:${port}/hook`, received, several };
}

/** Runs a notifier until the test ends or it is stopped; resolves when it has its place. */
async function started(
  world: RegistryWorld,
  {
    url,
    format = 'json',
    receiver = () => ({ url, secret: format === 'slack' ? undefined : SECRET }),
    ...changes
  }: Partial<NotifierOptions & WebHookOptions> & { url: string },
) {
  const stopping = new AbortController();
  const running = notify(
    {
      ...world,
      instanceId: 'main',
      channel: webHook({ receiver, format, clock: systemClock }),
      statuses: ['promoted', 'rejected', 'rolled_back'],
      jobStatuses: ['failed'],
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
  const both = ['versions', 'job-runs'].map((topic) => ({ topic, partition: 0 }));
  await eventually(
    async () => !(await world.log.committedOffsets('notifications', both)).some((each) => each == null),
  );
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

/** Writes ends of runs of a job as the scheduler does. */
async function jobEnds(
  { log, topics }: RegistryWorld,
  ...ends: readonly (JobRun['status'] | readonly [JobRun['status'], Partial<JobRun>])[]
) {
  const failed = { error_code: 'MR_BACKUP_IN_USE', error: 'Another <process> ships.' };
  const nothing = { attempts: 1, started: 0, ended: 0, owner: 'main', counted: [], outcome: '' };
  const values = ends.map((end): JobRun => {
    const [status, changes] = typeof end === 'string' ? [end, {}] : end;
    const ending = status === 'failed' ? failed : { error_code: null, error: null };
    const begun = { run_id: 'r', ts: 0, job: 'backup', trigger: 'cron', cause: '', created: 0 } as const;
    return { ...begun, ...nothing, ...ending, status, ...changes };
  });
  const records = values.map((value) => ({ key: value.run_id, value, timestamp: value.ts }));
  await writeRecords(log, topics['job-runs'], records);
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
      assert.ok(await verifyWebHook({ secret: SECRET, headers, body: text }));
      assert.equal(headers['x-millrace-delivery'], JSON.parse(text).id);
    }
    assert.equal(new Set(received.map(({ headers }) => headers['x-millrace-delivery'])).size, 4);
  });

  it('tell of a job that succeeded at last what it came to, not what an attempt failed with', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t);
    await started(world, { url: hook.url, format: 'slack', jobStatuses: ['succeeded'] });
    const away = { error_code: 'MR_JOB_INTERRUPTED', error: 'away', attempts: 2, outcome: '3 versions' };
    await jobEnds(world, ['succeeded', away]);
    const [message = assert.fail()] = await hook.several(1);
    assert.equal(JSON.parse(message.text).text, '*succeeded*: job `backup`, run `r`: 3 versions');
  });

  it('tell of jobs that fail as well', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t);
    const stop = await started(world, { url: hook.url });
    await jobEnds(world, 'succeeded', 'failed');
    const [{ text } = assert.fail()] = await hook.several(1);
    const { id, event, job, status, error_code, error, trigger } = JSON.parse(text);
    assert.deepEqual(
      { id, event, job, status, error_code, error, trigger },
      {
        id: 'r:failed',
        event: 'job.failed',
        job: 'backup',
        status: 'failed',
        error_code: 'MR_BACKUP_IN_USE',
        error: 'Another <process> ships.',
        trigger: 'cron',
      },
    );
    const slack = await receiver(t);
    await stop();
    await started(world, { url: slack.url, format: 'slack' });
    await jobEnds(world, 'failed');
    const [message = assert.fail()] = await slack.several(1);
    assert.equal(
      JSON.parse(message.text).text,
      '*failed*: job `backup`, run `r`: MR_BACKUP_IN_USE: Another &lt;process&gt; ships.',
    );
  });

  it('are tried again until they are taken, in order, and gone on with after a restart', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t, 500, 429, 408);
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

  it('are not sent on to where a receiver redirects: it is retried, and the log says by what answer', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t, 302, 307);
    const warnings: unknown[] = [];
    const logger = { ...world.logger, warn: (about: { err: Error }) => warnings.push(about.err.message) };
    await started(world, { url: hook.url, logger: logger as unknown as Logger });
    await happens(world, ['promoted', 'a']);
    const received = await hook.several(3);
    assert.deepEqual(
      received.map(({ path }) => path),
      ['/hook', '/hook', '/hook'],
    );
    assert.deepEqual(
      warnings,
      ['302', '307'].map((status) => `The receiver of notifications answers ${status}.`),
    );
    assert.deepEqual(await world.deadLetters(), []);
  });

  it('take a renewed address and secret with the next post', async (t) => {
    const world = await opened(t);
    // It refuses for as long as the test needs to change the address.
    const [before, after] = [await receiver(t, ...Array(1_000).fill(500)), await receiver(t)];
    let current = { url: before.url, secret: SECRET };
    await started(world, { url: '', receiver: () => current });
    await happens(world, ['promoted', 'a']);
    const [first] = await before.several(1);
    assert.equal(bodies([first ?? assert.fail()])[0].version, 'a');
    current = { url: after.url, secret: 'another secret of enough length' };
    const [{ headers, text } = assert.fail()] = await after.several(1);
    assert.ok(await verifyWebHook({ secret: current.secret, headers, body: text }));
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
    const [letter] = await recordsIn(world.log, { topic: 'dead-letters', partition: 0 });
    const headers = letter?.record.headers.map(([name, value]) => [name, value.toString().split('\n')[0]]);
    const { offset, message } = letters[0] ?? assert.fail();
    assert.deepEqual(headers, [
      ['__streams.errors.exception', 'MR_NOTIFICATION_REFUSED'],
      ['__streams.errors.stacktrace', `InputError: ${message}`],
      ['__streams.errors.message', message],
      ['__streams.errors.topic', 'versions'],
      ['__streams.errors.partition', '0'],
      ['__streams.errors.offset', String(offset)],
    ]);
  });

  it('speak to Slack in its own way', async (t) => {
    const world = await opened(t);
    const hook = await receiver(t);
    await started(world, { url: hook.url, format: 'slack' });
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
