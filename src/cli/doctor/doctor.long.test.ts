import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { openEmbeddedLog } from '#log';
import { systemClock } from '#platform';
import { openTestVault } from '#privacy/testing';
import { ownRedis } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { commandLine } from '../testing/command-line.ts';
import type { Finding } from './finding.ts';
import { filesCheck, nodeCheck, permissionChecks } from './host-checks.ts';
import { clockCheck, roomCheck, syncFinding } from './judgements.ts';
import { vaultCheck } from './server-checks.ts';

const MARK = 'unmistakable4711';

type Report = { readonly sound: boolean; readonly checks: readonly Finding[] };

const reportIn = (text: string) => JSON.parse(text) as Report;
const statesOf = ({ checks }: Report, check: string) =>
  checks.filter((each) => each.check === check).map(({ state }) => state);

/** Listens on a free port, and answers 401. */
async function refusing(t: TestContext): Promise<number> {
  const server = createServer((_, response) => response.writeHead(401).end());
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

async function makeVault(directory: string): Promise<void> {
  const log = await openEmbeddedLog({ directory, clock: systemClock });
  await (await openTestVault(log, log.registry, directory)).close();
  await log.close();
}

describe('millrace doctor', { timeout: 600_000 }, () => {
  it('finds nothing wrong with a sound installation', async (t) => {
    const line = commandLine(t, { http: { port: 0 } });
    const data = join(line.directory, '.millrace');
    await makeVault(data);
    const { code, out, err } = await line.print(['doctor']);
    assert.equal(code, 0, out + err);
    assert.match(out, /^ok {7}log {12}The embedded log has 1 topics/m);
    assert.match(out, /^ok {7}vault {10}Its key opens it\.$/m);
    assert.doesNotMatch(out, /^problem/m);
  });

  it('names each fault with what to do, and no secret', async (t) => {
    const port = await refusing(t);
    const line = commandLine(t, {
      http: { port, peerSecret: `env:PEER` },
      log: 'embedded',
      registry: `http://ann:${MARK}registry@127.0.0.1:${port}`,
      views: `redis://127.0.0.1:1/0`,
      admin: { token: 'file:admin' },
      redis: { password: `${MARK}-redis` },
    });
    writeFileSync(join(line.directory, 'admin'), `${MARK}-admin-${MARK}`, { mode: 0o644 });
    mkdirSync(join(line.directory, '.millrace'));
    const environment = { PEER: `${MARK}-peer-${MARK}` };
    const [json, text] = [
      await line.run(['doctor', '--json'], environment),
      await line.run(['doctor'], environment),
    ];
    assert.deepEqual([json.code, text.code], [1, 1], json.err);
    const report = reportIn(json.out);
    assert.equal(report.sound, false);
    assert.deepEqual(statesOf(report, 'port'), ['problem'], 'another program has it');
    assert.deepEqual(statesOf(report, 'registry'), ['problem']);
    assert.deepEqual(statesOf(report, 'redis'), ['problem']);
    assert.deepEqual(statesOf(report, 'permissions'), ['warning']);
    assert.deepEqual(statesOf(report, 'log'), ['warning'], 'not made yet');
    for (const { state, todo } of report.checks) assert.ok(state === 'ok' || todo !== undefined);
    for (const { out, err } of [json, text]) assert.ok(!(out + err).includes(MARK));
  });

  it('says what is wrong with the configuration, and goes on', async (t) => {
    const { print } = commandLine(t);
    const { code, out } = await print(['doctor', '--json', '--set', 'http.prot=1']);
    assert.equal(code, 1);
    const [found] = reportIn(out).checks.filter(({ check }) => check === 'configuration');
    assert.match(found?.says ?? '', /^MR_CONFIG_UNKNOWN: .*http\.prot/);
    const unfit = await print(['doctor', '--json', '--profile', 'prod']);
    assert.deepEqual(statesOf(reportIn(unfit.out), 'configuration'), ['problem']);
  });

  it('tells a data directory that is none, and one that is not there', async (t) => {
    const { directory, print } = commandLine(t, { http: { port: 0 } });
    const none = reportIn((await print(['doctor', '--json'])).out);
    assert.deepEqual([statesOf(none, 'data'), none.sound], [['warning'], true]);
    writeFileSync(join(directory, 'file'), '');
    const { code, out } = await print(['doctor', '--json', '--data', 'file']);
    assert.deepEqual([code, statesOf(reportIn(out), 'data')], [1, ['problem']]);
  });

  it('tells a Redis that evicts keys', async (t) => {
    const redis = await ownRedis(t, { settings: { maxmemory: '100mb', 'maxmemory-policy': 'allkeys-lru' } });
    if (redis === undefined) return;
    const { print } = commandLine(t, { http: { port: 0 }, views: redis.url });
    const report = reportIn((await print(['doctor', '--json'])).out);
    assert.deepEqual([statesOf(report, 'redis'), statesOf(report, 'clock')], [['problem'], ['ok']]);
  });
});

describe('checks', () => {
  const state = ({ state }: Finding) => state;

  it('tell faults of the machine', () => {
    assert.deepEqual(
      ['22.1.0', '26.10.0'].map((version) => state(nodeCheck(version))),
      ['problem', 'ok'],
    );
    const limits = (soft: string) =>
      state(filesCheck(`Max open files            ${soft}      4096    files`));
    assert.deepEqual(['1024', '4096', 'unlimited'].map(limits), ['warning', 'ok', 'ok']);
    assert.deepEqual(
      [99e6, 299e6, 301e6].map((free) => state(roomCheck(free, 100))),
      ['problem', 'warning', 'ok'],
    );
    assert.deepEqual(
      [
        [1, 1, 900],
        [1, 90, 900],
      ].map((times) => state(syncFinding(times))),
      ['ok', 'warning'],
    );
    assert.deepEqual(
      [0, 2_000, -60_000].map((skew) => state(clockCheck('x', skew, 0))),
      ['ok', 'ok', 'problem'],
    );
  });

  it('tell a vault without its key, and files that others can read', async (t) => {
    const { directory } = commandLine(t);
    const flags = { data: directory, 'privacy.userIds': 'pseudonyms', 'logging.level': 'silent' };
    const configuration = loadConfiguration({ flags, environment: {}, directory });
    const look = async () => state(await vaultCheck(configuration));
    await makeVault(directory);
    assert.equal(await look(), 'ok');
    const key = join(directory, 'pseudonyms.key');
    assert.deepEqual(permissionChecks([key]).map(state), ['ok']);
    chmodSync(key, 0o640);
    assert.deepEqual(permissionChecks([key, join(directory, 'none')]).map(state), ['warning', 'problem']);
    rmSync(key);
    assert.equal(await look(), 'problem');
  });
});
