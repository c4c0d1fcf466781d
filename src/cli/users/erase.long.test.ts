import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { eventually } from '#platform/testing';
import { keysInVault } from '#privacy/testing';
import type { Recommendation } from '#responders';
import {
  type CommandLine,
  commandLine,
  jsonLines,
  type Running,
  smallWorld,
} from '../testing/command-line.ts';

const modules = [join(import.meta.dirname, '../../view-builds/fixtures/user-trends.ts')];
const named = {
  ...smallWorld,
  privacy: { userIds: 'pseudonyms' },
  admin: { token: 'a token of the tests' },
  features: { modules, ttlMs: { 'user-trends.watch_ms': 60_000 } },
  // An erasure beside a server waits for its archive.
  offline: { flushSeconds: 1 },
};
const ANNA = 'anna.of.the.erased@example.org';
const BERT = 'bert.of.the.erased@example.org';
const headers = { 'content-type': 'application/json', connection: 'close' };

async function startServer({ begin }: CommandLine): Promise<{ url: string; started: Running }> {
  const started = begin(['start', '--json']);
  const [line] = await started.until(/^\{"url".*\}$/m);
  return { url: (JSON.parse(line) as { url: string }).url, started };
}

function asking(url: string) {
  let posted = 0;
  return {
    like: async (userId: string, itemId: string) => {
      const event = { event_id: `mine-${posted++}`, user_id: userId, item_id: itemId, kind: 'like' };
      const response = await fetch(`${url}/events`, { method: 'POST', headers, body: JSON.stringify(event) });
      assert.equal(response.status, 202, await response.text());
    },
    /** Events of the user that the view of the module has counted. */
    counted: async (userId: string): Promise<number | undefined> => {
      const response = await fetch(`${url}/features/user/${encodeURIComponent(userId)}?views=user-trends`, {
        headers,
      });
      const answer = (await response.json()) as {
        user?: { views: { 'user-trends': { features: { events: number } } } };
      };
      return answer.user?.views['user-trends'].features.events;
    },
    recommended: async (userId: string): Promise<string[]> => {
      const response = await fetch(`${url}/recommend/${encodeURIComponent(userId)}?k=60`, { headers });
      const answer = (await response.json()) as { user_id: string; items: { item_id: string }[] };
      assert.equal(answer.user_id, userId);
      return answer.items.map(({ item_id }) => item_id);
    },
  };
}

function filesWith(directory: string, needle: string | Buffer): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => readFileSync(path).includes(needle));
}

describe('privacy on the command line', () => {
  it('opts out and in, erases, completes an erasure that was cut off, and refuses what it cannot do', async (t) => {
    const line = commandLine(t, named);
    const { run, directory } = line;
    const { url, started } = await startServer(line);
    const { like, counted, recommended } = asking(url);

    // What a user likes is left out of their answers for as long as their row says so.
    const [best = ''] = await recommended(ANNA);
    await like(ANNA, best);
    await like(BERT, best);
    await eventually(async () => !(await recommended(ANNA)).includes(best));
    await eventually(async () => !(await recommended(BERT)).includes(best));
    for (const user of [ANNA, BERT]) await eventually(async () => (await counted(user)) === 1);
    const out = await run(['opt-out', ANNA]);
    assert.deepEqual([out.code, out.err], [0, '']);
    assert.match(out.out, /^User anna\S+ has opted out: /);
    await eventually(async () => (await recommended(ANNA)).includes(best));
    assert.ok(!(await recommended(BERT)).includes(best));
    await eventually(async () => (await counted(ANNA)) === 0);
    assert.equal(await counted(BERT), 1);
    await like(ANNA, best);
    const back = await fetch(`${url}/users/${ANNA}/privacy`, {
      method: 'PUT',
      headers: { ...headers, authorization: `Bearer ${named.admin.token}` },
      body: JSON.stringify({ status: 'opted-in' }),
    });
    assert.equal(back.status, 200, await back.text());
    const [, second = ''] = await recommended(ANNA);
    await eventually(async () => {
      await like(ANNA, second);
      return !(await recommended(ANNA)).includes(second);
    });
    assert.ok((await recommended(ANNA)).includes(best), 'the event between was refused');

    // Beside a running server, which does the work; the answers come from popular items again.
    const keys = keysInVault(join(directory, '.millrace'));
    const cut = await run(['erase', ANNA, '--yes'], { MILLRACE_FAILPOINTS: 'privacy.erase.profile=kill' });
    assert.equal(cut.signal, 'SIGKILL');
    const erased = await run(['erase', ANNA, '--yes', '--json']);
    assert.equal(erased.code, 0, erased.err);
    const [report] = jsonLines<{ user_id: string; keyDestroyed: boolean; erased: { target: string }[] }>(
      erased.out,
    );
    assert.deepEqual([report?.user_id, report?.keyDestroyed], [ANNA, true]);
    await eventually(async () => (await recommended(ANNA)).includes(second));
    assert.ok(!(await recommended(BERT)).includes(best));

    const recommend = ['recommend', BERT, '-k', '5', '--json'];
    const byServer = await run(recommend);
    assert.equal((await started.signal('SIGINT')).code, 0);
    const byItself = await run(recommend);
    const [one, other] = [byServer, byItself].map(({ code, out, err }) => {
      assert.equal(code, 0, err);
      const [answer] = jsonLines<Recommendation>(out);
      return [answer?.version, answer?.items.map(({ source }) => source)];
    });
    assert.deepEqual(one, other, 'by the same version, and with the views of modules');

    // And without one: the processors run for it.
    const forgotten = await run(['erase', BERT, '--yes'], {
      MILLRACE_FAILPOINTS: 'privacy.vault.forgotten=kill',
    });
    assert.equal(forgotten.signal, 'SIGKILL');
    const again = await run(['erase', BERT, '--yes']);
    assert.equal(again.code, 2);
    assert.match(again.err, /^error MR_PRIVACY_USER_UNKNOWN: There is no user "bert.*\nhint: \S/);

    const left = keysInVault(join(directory, '.millrace'));
    const destroyed = keys.filter((key) => !left.some((other) => other.equals(key)));
    assert.equal(destroyed.length, 2);
    for (const needle of [...destroyed, ANNA, BERT]) assert.deepEqual(filesWith(directory, needle), []);

    const refusals = [
      [['erase', 'never-seen', '--yes'], 'MR_PRIVACY_USER_UNKNOWN'],
      [['erase', 'u1'], 'MR_USAGE'],
      [['erase', '', '--yes'], 'MR_PRIVACY_USER'],
      [['opt-out', 'x'.repeat(129)], 'MR_PRIVACY_USER'],
      [['recommend', 'u1', '--set', 'privacy.userIds=as-given'], 'MR_PRIVACY_USER_IDS'],
      [['erase', 'u1', '--data', 'elsewhere'], 'MR_DATA_EMPTY'],
    ] as const;
    const printed = await line.runEach(refusals.map(([args]) => args));
    for (const [i, [args, code]] of refusals.entries()) {
      const { code: exitCode, err } = printed[i] ?? assert.fail();
      assert.equal(exitCode, 2, `${args.join(' ')}: ${err}`);
      assert.match(err, new RegExp(`^error ${code}: .*\nhint: \\S`));
    }
  });
});
