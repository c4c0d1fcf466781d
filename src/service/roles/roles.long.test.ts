import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { writeRecords } from '#engine';
import { JOBS_GROUP } from '#jobs';
import { createLogger, Shutdown, systemClock } from '#platform';
import { PLATFORM_OPERATIONS } from '#platform/api';
import { eventually, temporaryDirectory } from '#platform/testing';
import type { Item } from '#schemas';
import { type Configuration, loadConfiguration } from '../configuration.ts';
import { type Installation, openInstallation } from '../installation.ts';
import { operations } from '../operations.ts';
import { ROLES } from './catalogue.ts';
import { composeRoles } from './compose.ts';
import type { RoleName } from './role.ts';

const logger = createLogger({ level: 'silent', name: 'test' });
const silent = { onProgress: () => {}, onWaiting: () => {}, onDone: () => {} };

function configured(directory: string, options: Readonly<Record<string, unknown>> = {}): Configuration {
  const flags = { 'http.port': 0, simulation: 'off', 'logging.level': 'silent', ...options };
  const texts = Object.entries(flags).map(([name, value]) => [name, String(value)]);
  return loadConfiguration({ flags: Object.fromEntries(texts), environment: {}, directory });
}

type Options = Readonly<Record<string, unknown>>;
type Started = { readonly url: string; readonly installation: Installation; stop(): Promise<void> };

/** A data directory whose processes are stopped before it goes. */
function machine(t: TestContext) {
  const stops: (() => Promise<void>)[] = [];
  t.after(() => Promise.all(stops.map((stop) => stop())));
  const directory = temporaryDirectory(t);
  /** As a process of these roles starts, with what a process of its own would have to itself. */
  return async (roles: readonly RoleName[], instanceId = 'main', options: Options = {}): Promise<Started> => {
    const shutdown = new Shutdown({ logger, clock: systemClock });
    const stop = () => shutdown.stop('done');
    stops.push(stop);
    const opened = await openInstallation(
      configured(directory, { roles: roles.join(','), ...options }),
      shutdown,
    );
    const installation = { ...opened, instanceId };
    const composed = await composeRoles(
      installation,
      { roles, notes: silent, works: { backUp: undefined } },
      shutdown,
    );
    const url = await composed.serve();
    await composed.trainer?.begin(shutdown);
    await composed.begin();
    return { url, installation, stop };
  };
}

const storeAt = (port: number): Options => ({
  storage: 's3://bucket/prefix',
  'objectStore.endpoint': `http://127.0.0.1:${port}`,
  'objectStore.accessKeyId': 'id',
  'objectStore.secretAccessKey': 'secret',
});

type Readiness = {
  readonly status: 'ready' | number;
  readonly detail?: string;
  readonly roles: Readonly<Record<string, string>>;
};

async function readiness({ url }: Pick<Started, 'url'>): Promise<Readiness> {
  return (await (await fetch(`${url}/health/ready`)).json()) as Readiness;
}

async function untilReady(
  process: Started,
  isSo: (told: Readiness) => boolean = () => true,
): Promise<Readiness> {
  return eventually(async () => {
    const told = await readiness(process);
    return told.status === 'ready' && isSo(told) && told;
  });
}

const posted = (url: string, body: object) =>
  fetch(`${url}/events`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });

type JobEnd = { readonly status: string; readonly outcome: string; readonly error: string | null };

async function untilJobEnds({ url }: Started, job: string): Promise<JobEnd> {
  return eventually(async () => {
    const { runs } = (await (await fetch(`${url}/jobs/${job}`)).json()) as {
      readonly runs: readonly JobEnd[];
    };
    const ended = runs.find(({ status }) => status !== 'waiting' && status !== 'running');
    return ended !== undefined && ended;
  });
}

async function answered(url: string, user: string): Promise<readonly string[]> {
  const answer = (await (await fetch(`${url}/recommend/${user}?k=5`)).json()) as {
    readonly items: readonly { readonly item_id: string }[];
  };
  return answer.items.map(({ item_id }) => item_id);
}

const item = (item_id: string, created: number): Item => ({
  item_id,
  type: 'article',
  title: item_id,
  category: 'news',
  tags: [],
  duration_ms: null,
  difficulty: null,
  language: null,
  created,
  available: true,
  age_limit: 0,
  countries: [],
});

describe('roles in processes of their own', { timeout: 120_000, concurrency: true }, () => {
  it('work together on one log, each with its routes alone, and tell what they do', async (t) => {
    const started = machine(t);
    const gateway = await started(['gateway']);
    const responder = await started(['responder']);
    assert.match(
      (await readiness(responder)).detail ?? '',
      /responder there is neither a version nor an available item/,
    );
    const others = await started(['trainer', 'archive']);
    const processors = await started(['processors', 'operations']);
    const { log, topics } = gateway.installation;
    const now = Date.now();
    const items = ['i1', 'i2', 'i3'].map((id) => item(id, now));
    await writeRecords(
      log,
      topics.items,
      items.map((value) => ({ key: value.item_id, value, timestamp: now })),
    );

    for (const each of [gateway, responder, others, processors]) await untilReady(each);
    const both = await untilReady(
      others,
      ({ roles }) => roles.trainer === 'trains' && roles.archive === 'archives',
    );
    assert.deepEqual(Object.keys(both.roles).sort(), ['archive', 'code', 'trainer']);
    assert.deepEqual((await readiness(processors)).roles, {
      processors: 'processes events',
      operations: 'watches and administers',
    });

    await eventually(async () => (await answered(responder.url, 'anna')).length >= 3);
    const response = await posted(gateway.url, {
      user_id: 'anna',
      item_id: 'i2',
      kind: 'click',
      ts: Date.now(),
    });
    assert.equal(response.status, 202, await response.text());
    await eventually(async () => !(await answered(responder.url, 'anna')).includes('i2'));
    assert.deepEqual((await answered(responder.url, 'bert')).toSorted(), ['i1', 'i2', 'i3']);

    const elsewhere = [
      [gateway, '/recommend/anna', 'responder'],
      [responder, '/tasks', 'processors'],
      [processors, '/features/user/anna', 'responder'],
      [others, '/topics', 'operations'],
    ] as const;
    for (const [{ url }, path, role] of elsewhere) {
      const refused = await fetch(`${url}${path}`);
      const { code, detail } = (await refused.json()) as { readonly code: string; readonly detail: string };
      assert.deepEqual([refused.status, code], [421, 'MR_ROLE_ELSEWHERE'], path);
      assert.match(detail, new RegExp(`belongs to role ${role}, which this process does not have`));
    }
    const document = (await (await fetch(`${gateway.url}/openapi.json`)).json()) as {
      readonly paths: object;
    };
    assert.equal('/recommend/{user_id}' in document.paths, false);
    assert.equal('/events' in document.paths, true);
  });

  it('train in one of two processes; the other says that it stands by, and takes over', async (t) => {
    const started = machine(t);
    const first = await started(['trainer', 'archive'], 'first');
    await untilReady(first, ({ roles }) => roles.trainer === 'trains' && roles.archive === 'archives');
    const second = await started(['trainer', 'archive'], 'second');
    const standing = await untilReady(second, ({ roles }) => !roles.trainer?.startsWith('joins'));
    assert.equal(standing.roles.trainer, 'stands by: another process trains');
    await untilReady(second, ({ roles }) => roles.archive === 'stands by: another process archives');
    await first.stop();
    await untilReady(second, ({ roles }) => roles.trainer === 'trains' && roles.archive === 'archives');
  });

  it('wait for their place alone, and let nobody wait for it who asks for something else', async (t) => {
    const shutdown = new Shutdown({ logger, clock: systemClock });
    t.after(() => shutdown.stop('done'));
    const installation = await openInstallation(configured(temporaryDirectory(t)), shutdown);
    const works = { backUp: undefined };
    // Served, and not begun: none of them joins its group.
    const served = async (...roles: readonly RoleName[]) => {
      const composed = await composeRoles(installation, { roles, notes: silent, works }, shutdown);
      return readiness({ url: await composed.serve() });
    };
    const alone = await served('trainer', 'archive');
    assert.match(alone.detail ?? '', /role trainer waits for its place in its group; role archive waits/);
    const beside = await served('operations', 'trainer');
    assert.deepEqual([beside.status, beside.roles.trainer], ['ready', 'joins its group']);
  });

  it('serve while their tasks are restored, and end when their work ends by itself', async (t) => {
    const shutdown = new Shutdown({ logger, clock: systemClock });
    t.after(() => shutdown.stop('done'));
    const installation = await openInstallation(configured(temporaryDirectory(t)), shutdown);
    const roles: readonly RoleName[] = ['processors', 'operations'];
    const options = { roles, notes: silent, works: { backUp: undefined } };
    const composed = await composeRoles(installation, options, shutdown);
    assert.equal(composed.pipeline?.isRestoring(), true);
    const { failed } = await composed.begin();
    const ended = assert.rejects(failed, { code: 'MR_LOG_UNKNOWN_TOPIC' });
    // By then this process is their owner, and reads the requests.
    const requests = [{ topic: 'job-requests', partition: 0 }];
    await eventually(
      async () => (await installation.log.committedOffsets(JOBS_GROUP, requests))[0] !== undefined,
    );
    await installation.log.deleteTopics(['job-requests']);
    await ended;
  });

  it('refuse events while too many await admission elsewhere', async (t) => {
    const gateway = await machine(t)(['gateway'], 'main', { 'gateway.maxLag': 1 });
    const body = { user_id: 'anna', item_id: 'i1', kind: 'click', ts: Date.now() };
    let refused = await posted(gateway.url, body);
    for (; refused.status === 202; await setTimeout(20)) refused = await posted(gateway.url, body);
    const { code } = (await refused.json()) as { readonly code: string };
    assert.equal(code, 'MR_EVENTS_LAG');
    assert.match((await readiness(gateway)).roles.gateway ?? '', /^refuses events: /);
  });

  it('put what is here from before there was a store into it', async (t) => {
    const puts: string[] = [];
    const store = createServer((request, response) => {
      if (request.method === 'PUT') puts.push(request.url ?? '');
      request.resume();
      response.end('<ListBucketResult></ListBucketResult>');
    });
    t.after(() => store.close());
    await once(store.listen(0, '127.0.0.1'), 'listening');
    const { port } = store.address() as AddressInfo;
    const started = machine(t);
    const { installation } = await started(['trainer']);
    const version = join(installation.configuration.data, 'versions', 'v1');
    mkdirSync(version, { recursive: true });
    writeFileSync(join(version, 'weights'), 'of the network');
    await started(['operations'], 'main', storeAt(port));
    await eventually(() => puts.some((url) => url.startsWith('/bucket/prefix/versions/v1/.files')));
  });

  it('are refused with another master key than the log has, and say what to do', async (t) => {
    const start = machine(t);
    const keyOf = (letter: string) => Buffer.alloc(32, letter).toString('base64');
    const started = (letter: string, role: RoleName) =>
      start([role], 'main', { 'privacy.masterKey': keyOf(letter) });
    const gateway = await started('a', 'gateway');
    const body = { user_id: 'anna', item_id: 'i1', kind: 'click', ts: Date.now() };
    assert.equal((await posted(gateway.url, body)).status, 202);
    const { data } = gateway.installation.configuration;
    await assert.rejects(start(['processors', 'gateway'], 'main', { 'privacy.masterKey': keyOf('b') }), {
      code: 'MR_PRIVACY_MASTER_KEY',
    });
    assert.equal(existsSync(join(data, 'options.json')), false, 'nothing was begun');
    await assert.rejects(started('b', 'responder'), (error: { code: string; hint: string }) => {
      assert.equal(error.code, 'MR_PRIVACY_MASTER_KEY');
      assert.match(error.hint, /privacy\.masterKey/);
      return true;
    });
    await started('b', 'archive');
  });

  it('say that the object store is away while the archive can do nothing, and go on with it', async (t) => {
    let isAway = true;
    const store = createServer((_, response) => {
      response.writeHead(isAway ? 503 : 200).end('<ListBucketResult></ListBucketResult>');
    });
    t.after(() => store.close());
    await once(store.listen(0, '127.0.0.1'), 'listening');
    const { port } = store.address() as AddressInfo;
    const archive = await machine(t)(['archive'], 'main', storeAt(port));
    for (;;) {
      const { detail = '', roles } = await readiness(archive);
      if (/^has stalled: The object store s3:\/\/bucket\/prefix /.test(roles.archive ?? '')) {
        assert.match(detail, /role archive has stalled: The object store/);
        break;
      }
      await setTimeout(10);
    }
    isAway = false;
    await untilReady(archive, ({ roles }) => roles.archive === 'archives');
  });

  it('verify the vault only where they have a key for it, and raise no alarm elsewhere', async (t) => {
    const started = machine(t);
    const masterKey = Buffer.alloc(32, 'a').toString('base64');
    const gateway = await started(['gateway'], 'main', { 'privacy.masterKey': masterKey });
    const body = { user_id: 'anna', item_id: 'i1', kind: 'click', ts: Date.now() };
    assert.equal((await posted(gateway.url, body)).status, 202);
    const operations = await started(['operations']);
    const run = await fetch(`${operations.url}/admin/jobs/verification/run`, { method: 'POST' });
    assert.equal(run.status, 202, await run.text());
    const ended = await untilJobEnds(operations, 'verification');
    assert.deepEqual([ended.status, ended.error], ['succeeded', null]);
    assert.match(ended.outcome, / equal, [1-9][0-9]* unknown$/);
  });
});

it('each route of the product belongs to one role, or to every process', () => {
  const ofRoles = Object.values(ROLES).flatMap((role) => role.operations);
  const all = [...PLATFORM_OPERATIONS, ...ofRoles].map(({ id }) => id);
  assert.deepEqual(all.toSorted(), operations.map(({ id }) => id).toSorted());
});
