import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '#platform/testing';
import { commandLine, jsonLines, smallWorld } from '../testing/command-line.ts';

const listening = { http: { port: 0, host: '0.0.0.0' } };

/** The code of an error as commands print it with --json. */
const codeIn = (text: string) => (JSON.parse(text) as { error: { code: string } }).error.code;

describe('millrace keys', { timeout: 600_000 }, () => {
  it('opens a server that listens beyond this machine to commands and programs', async (t) => {
    const simulation = { ...smallWorld.simulation, liveEventsPerSecond: 50 };
    const { begin, run, print } = commandLine(t, { ...smallWorld, ...listening, simulation });
    const refused = await run(['start', '--json']);
    assert.equal(refused.code, 2);
    assert.equal(codeIn(refused.err), 'MR_ACCESS_UNPROTECTED');

    const made = await print(['keys', 'create', 'shop', '--role', 'service', '--json']);
    const { key } = JSON.parse(made.out) as { key: string };
    const start = begin(['start', '--json']);
    const { url: at } = JSON.parse((await start.until(/^\{"url".*\}$/m))[0]) as { url: string };
    const url = at.replace('0.0.0.0', '127.0.0.1');
    const ask = async (path: string, token?: string) => {
      const headers = { connection: 'close', ...(token && { authorization: `Bearer ${token}` }) };
      return (await fetch(url + path, { headers })).status;
    };
    assert.deepEqual(
      [await ask('/health/live'), await ask('/recommend/u1'), await ask('/metrics')],
      [200, 401, 401],
    );
    assert.deepEqual([await ask('/recommend/u1', key), await ask('/metrics', key)], [200, 403]);

    const asked = ['recommend', 'u1', '--json', '-k', '1'];
    const [without, byFlag, byVariable] = [
      await run(asked),
      await run([...asked, '--token', key]),
      await run(asked, { MILLRACE_TOKEN: key }),
    ];
    assert.equal(codeIn(without.err), 'MR_ACCESS_TOKEN_MISSING');
    for (const { code, out } of [byFlag, byVariable]) {
      assert.deepEqual([code, (JSON.parse(out) as { user_id: string }).user_id], [0, 'u1']);
    }

    // The live agents have a token of their own.
    const scraper = await print(['keys', 'create', 'scraper', '--rights', 'observe']);
    const observe = scraper.out.trim();
    const accepted = async () => {
      const headers = { connection: 'close', authorization: `Bearer ${observe}` };
      const text = await (await fetch(`${url}/metrics`, { headers })).text();
      return Number(/gateway_events_total\{outcome="accepted"\} (\d+)/.exec(text)?.[1] ?? 0);
    };
    await eventually(async () => (await accepted()) !== 0);

    assert.equal((await print(['keys', 'revoke', 'shop'])).code, 0);
    await eventually(async () => (await ask('/recommend/u1', key)) === 401);
    const { out } = await print(['keys', 'list', '--json']);
    const listed = jsonLines<{ name: string; grants: string[]; revoked_ts: number | null }>(out);
    assert.deepEqual(
      listed.map(({ name, grants, revoked_ts }) => [name, grants, revoked_ts !== null]),
      [
        ['shop', ['service'], true],
        ['scraper', ['observe'], false],
      ],
    );
    assert.equal((await start.signal('SIGTERM')).code, 0);
  });

  it('says what is wrong', async (t) => {
    const { run, print } = commandLine(t, listening);
    const wrong: readonly (readonly [args: readonly string[], code: string])[] = [
      [['create', 'shop'], 'MR_USAGE'],
      [['create', 'shop', '--role', 'user'], 'MR_USAGE'],
      [['create', 'shop', '--role', 'root'], 'MR_ACCESS_GRANT'],
      [['create', 'a b', '--role', 'service'], 'MR_ACCESS_KEY_NAME'],
      [['revoke', 'shop'], 'MR_ACCESS_KEY_UNKNOWN'],
    ];
    for (const [args, expected] of wrong) {
      const { code, err } = await print(['keys', ...args, '--json']);
      assert.deepEqual([code, codeIn(err)], [2, expected], args.join(' '));
    }
    const limits = [
      'start',
      '--json',
      '--set',
      'limits.routes={"nothing": 1}',
      '--set',
      'http.host=127.0.0.1',
    ];
    assert.equal(codeIn((await run(limits)).err), 'MR_CONFIG_INVALID');
    const half = ['keys', '--json', '--set', 'jwt.issuer=https://issuer.example'];
    assert.equal(codeIn((await run(half)).err), 'MR_CONFIG_CONTRADICTION');
  });
});
