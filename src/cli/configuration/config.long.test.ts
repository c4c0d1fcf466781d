import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { commandLine, jsonLines } from '../testing/command-line.ts';

/** In every secret of these tests, and in nothing else. */
const MARK = 'unmistakable4711';
const secret = (name: string) => `${MARK}-${name}-${MARK}`;
const withoutWorld = { http: { port: 0 }, simulation: 'off' };

type Shown = {
  readonly option: string;
  readonly value?: unknown;
  readonly origin: string;
  readonly where: unknown;
};

/** What a library's error may look like: it carries what was sent. */
const CRASHING = `
  const password = process.env.PASSWORD;
  setTimeout(() => {
    throw Object.assign(new Error('boom'), { command: { args: [password] }, config: { password } });
  }, 0);
  await new Promise(() => {});
`;

/** A Redis that refuses every password. */
async function refusingRedis(t: TestContext): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write('-WRONGPASS invalid password\r\n'));
    t.after(() => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

describe('millrace config', { timeout: 600_000 }, () => {
  it('shows every value, with its origin on request', async (t) => {
    const { directory, run, print } = commandLine(t, { ...withoutWorld, admin: { token: secret('admin') } });
    writeFileSync(join(directory, 'millrace.config.dev.json'), JSON.stringify({ engine: { threads: 2 } }));
    const environment = { MILLRACE_PROFILE: 'dev', MILLRACE_HTTP_PEER_SECRET: 'file:none' };
    const show = ['config', 'show', '--origins', '--set', 'training.seed=7'];
    const [table, json, plain] = [
      await run(show, { MILLRACE_PROFILE: 'dev' }),
      await run([...show, '--json'], { MILLRACE_PROFILE: 'dev' }),
      await print(['config', 'show']),
    ];
    assert.deepEqual([table.code, json.code, plain.code], [0, 0, 0], table.err);
    assert.match(table.out, /^engine\.threads +2 +profile +\/.*millrace\.config\.dev\.json$/m);
    assert.match(table.out, /^admin\.token +\(secret\) +file +\/.*millrace\.config\.json$/m);
    assert.match(table.out, /^profile +dev +environment +environment variable MILLRACE_PROFILE$/m);
    assert.match(plain.out, /^engine\.threads +1$/m);
    const rows = new Map(jsonLines<Shown>(json.out).map((row) => [row.option, row]));
    const row = (option: string) => {
      const { value, origin, where } = rows.get(option) ?? assert.fail(option);
      return [value, origin, where];
    };
    assert.deepEqual(row('training.seed'), [7, 'flag', 'the command line']);
    assert.deepEqual(row('engine.batchRecords'), [4096, 'default', null]);
    const { out, err, code } = await run(show, environment);
    assert.deepEqual([out, code], ['', 2]);
    assert.match(err, /MR_CONFIG_SECRET: The secret of option http\.peerSecret/);
    for (const each of [table, json, plain]) assert.doesNotMatch(each.out + each.err, new RegExp(MARK));
  });

  it('checks what a start would refuse, as a start does', async (t) => {
    const { directory, run, print } = commandLine(t, withoutWorld);
    const check = ['config', 'check', '--profile', 'prod'];
    assert.match((await print(['config', 'check'])).out, /The configuration is sound\./);
    for (const refused of [await run(check), await run(['start', '--profile', 'prod'])]) {
      assert.deepEqual([refused.code, refused.out], [2, '']);
      assert.match(refused.err, /^error MR_CONFIG_PRODUCTION: .*access\.loopback.*http\.proxyTls/);
    }
    const fit = { access: { loopback: 'token' }, http: { proxyTls: 'on' } };
    writeFileSync(join(directory, 'millrace.config.prod.json'), JSON.stringify(fit));
    assert.match((await run(check)).out, /fit for profile prod/);
    const nobody = await run(['start', '--profile', 'prod']);
    assert.equal(nobody.code, 2);
    assert.match(nobody.err, /^error MR_ACCESS_UNPROTECTED: Profile prod/);
    assert.match((await print(['config'])).err, /^error MR_USAGE/);
  });
});

describe('secrets of a process', { timeout: 600_000 }, () => {
  it('are renewed on SIGHUP, and are in nothing that it prints or answers', async (t) => {
    const { directory, begin, run } = commandLine(t, {
      ...withoutWorld,
      http: { port: 0, host: '0.0.0.0', peerSecret: `exec:${process.execPath} -p "process.env.PEER"` },
      logging: { level: 'debug' },
      admin: { token: 'file:admin' },
      notifications: { url: 'file:hook', secret: 'env:HOOK' },
      kafka: { password: 'file:kafka' },
      redis: { password: secret('redis') },
      limits: { client: 1_000, store: `redis://127.0.0.1:${await refusingRedis(t)}/0` },
    });
    const environment = { PEER: secret('peer'), HOOK: secret('hook'), MILLRACE_TOKEN: secret('token') };
    const write = (name: string, text: string) => writeFileSync(join(directory, name), text);
    write('admin', `${secret('first')}\n`);
    write('hook', `http://127.0.0.1:9/${secret('url')}`);
    write('kafka', secret('kafka'));
    const started = begin(['start', '--json'], environment);
    const { url: at } = JSON.parse((await started.until(/^\{"url".*\}$/m))[0]) as { url: string };
    const seen: string[] = [];
    const ask = async (path: string, token?: string) => {
      const headers = { connection: 'close', ...(token && { authorization: `Bearer ${token}` }) };
      const response = await fetch(at.replace('0.0.0.0', '127.0.0.1') + path, { headers });
      seen.push(await response.text(), JSON.stringify([...response.headers]));
      return response.status;
    };
    assert.deepEqual(
      [
        await ask('/metrics', secret('first')),
        await ask('/metrics', secret('second')),
        await ask('/metrics'),
      ],
      [200, 401, 401],
    );
    for (const path of ['/recommend/u1', '/none', '/health/ready', '/openapi.json', '/topology']) {
      await ask(path, secret('first'));
    }

    write('admin', secret('second'));
    write('kafka', secret('other'));
    process.kill(started.pid, 'SIGHUP');
    await started.until(/"option":"kafka\.password".*takes effect at a restart/);
    await started.until(/"option":"admin\.token".*a secret was renewed/);
    assert.deepEqual(
      [await ask('/metrics', secret('first')), await ask('/metrics', secret('second'))],
      [401, 200],
    );
    rmSync(join(directory, 'admin'));
    process.kill(started.pid, 'SIGHUP');
    await started.until(/"MR_CONFIG_SECRET".*"option":"admin\.token".*stays as it was/);
    write('admin', `${MARK.slice(0, 14)}\n`);
    process.kill(started.pid, 'SIGHUP');
    await started.until(/"MR_CONFIG_INVALID".*"option":"admin\.token".*stays as it was/);
    assert.equal(await ask('/metrics', secret('second')), 200);
    // They are rendered once a second.
    while (!/renewals_total\{outcome="failed"\} 2/.test(seen.at(-2) ?? '')) {
      await sleep(50);
      await ask('/metrics', secret('second'));
    }
    const metrics = seen.at(-2) ?? '';
    for (const [outcome, count] of [
      ['renewed', 1],
      ['restart', 3],
      ['failed', 2],
    ] as const) {
      assert.match(
        metrics,
        new RegExp(`^millrace_secret_renewals_total\\{outcome="${outcome}"\\} ${count}$`, 'm'),
      );
    }
    write('admin', secret('second'));
    const printed = [
      await run(['config', 'show', '--origins'], environment),
      await run(['config', 'show', '--json'], environment),
      await run(['config', 'check', '--log-level', 'debug'], environment),
      await run(['start', '--help'], environment),
      await run(['recommend', 'u1', '--log-level', 'debug'], environment),
      await run(['start', '--log-level', 'debug'], environment),
      await run(['topics', '--log-level', 'debug', '--set', `admin.token=${MARK.slice(0, 14)}`], environment),
      await run(['topics', '--log-level', 'debug', '--set', `admin=${secret('a')}`], environment),
      await started.signal('SIGTERM'),
    ];
    assert.equal(printed.at(-1)?.code, 0);
    for (const text of [...printed.flatMap(({ out, err }) => [out, err]), ...seen]) {
      assert.doesNotMatch(text, /unmistakable/);
    }
  });

  it('are not in what a crash prints, nor in the line of a fault', async (t) => {
    const { directory, run } = commandLine(t, withoutWorld);
    writeFileSync(join(directory, 'crash.mjs'), CRASHING);
    for (const args of [
      ['run', 'crash.mjs'],
      ['run', 'crash.mjs', '--json', '--log-level', 'debug'],
    ]) {
      const { code, out, err } = await run(args, { PASSWORD: secret('crash') });
      assert.equal(code, 1);
      assert.match(err, /MR_UNEXPECTED.*boom/);
      assert.match(err, /crash\.mjs:4/);
      assert.doesNotMatch(out + err, /unmistakable/);
    }
  });
});
