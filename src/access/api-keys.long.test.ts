import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '#platform/testing';
import { operations } from '#service/operations';
import { createApiKey, listApiKeys, revokeApiKey } from './manage-api-keys.ts';
import { type Served, servedKeys, serveOperations } from './testing/index.ts';

const ROUTE = 'GET /recommend/u1';
const flags = { 'http.host': '0.0.0.0', 'admin.token': 'token of the operator' };

async function open(t: TestContext) {
  const directory = temporaryDirectory(t);
  return { directory, keys: await servedKeys(t, directory) };
}

/** Asks until the status is the expected one; the test's time limit is its patience. */
async function until({ ask }: Served, token: string, expected: number): Promise<void> {
  await eventually(async () => (await ask(ROUTE, { token })).status === expected);
}

describe('API keys', { timeout: 180_000 }, () => {
  it('open routes on every process, until they are revoked', async (t) => {
    const { directory, keys } = await open(t);
    const replicas = [
      await serveOperations(t, { operations, directory, flags }),
      await serveOperations(t, { operations, directory, flags }),
    ];
    const key = await createApiKey(keys, { name: 'shop', granted: ['service'] });
    for (const each of replicas) {
      await until(each, key, 200);
      assert.equal((await each.ask('GET /metrics', { token: key })).code, 'MR_ACCESS_RIGHT');
    }
    const later = await serveOperations(t, { operations, directory, flags });
    assert.equal((await later.ask(ROUTE, { token: key })).status, 200);
    await revokeApiKey(keys, 'shop');
    for (const each of [...replicas, later]) await until(each, key, 401);
    const restarted = await serveOperations(t, { operations, directory, flags });
    assert.equal((await restarted.ask(ROUTE, { token: key })).code, 'MR_ACCESS_TOKEN');
  });

  it('request something of a job by right jobs alone', async (t) => {
    const { directory, keys } = await open(t);
    const served = await serveOperations(t, { operations, directory, flags });
    const watching = await createApiKey(keys, { name: 'watching', granted: ['observe'] });
    const acting = await createApiKey(keys, { name: 'acting', granted: ['jobs'] });
    const ask = async (route: string, token: string) => (await served.ask(route, { token })).code;
    await until(served, acting, 403);
    for (const action of ['run', 'cancel', 'pause', 'resume']) {
      const route = `POST /admin/jobs/compaction/${action}`;
      assert.equal(await ask(route, watching), 'MR_ACCESS_RIGHT', action);
      assert.notEqual(await ask(route, acting), 'MR_ACCESS_RIGHT', action);
    }
    assert.equal(await ask('GET /jobs', acting), 'MR_ACCESS_RIGHT');
    assert.notEqual(await ask('GET /jobs', watching), 'MR_ACCESS_RIGHT');
  });

  it('are kept as hashes alone', async (t) => {
    const { directory, keys } = await open(t);
    const key = await createApiKey(keys, { name: 'shop', granted: ['service'] });
    assert.match(key, /^mrk_[\w-]{43}$/);
    await keys.log.close();
    for (const name of readdirSync(directory)) {
      const bytes = readFileSync(join(directory, name), 'latin1');
      assert.ok(!bytes.includes(key) && !bytes.includes(key.slice(4)), name);
    }
  });

  it('have one name each while they are valid', async (t) => {
    const { directory, keys } = await open(t);
    const served = await serveOperations(t, { operations, directory, flags });
    const granted = ['service'] as const;
    const first = await createApiKey(keys, { name: 'shop', granted });
    await assert.rejects(createApiKey(keys, { name: 'shop', granted }), { code: 'MR_ACCESS_KEY_EXISTS' });
    await revokeApiKey(keys, 'shop');
    await assert.rejects(revokeApiKey(keys, 'shop'), { code: 'MR_ACCESS_KEY_UNKNOWN' });
    await assert.rejects(revokeApiKey(keys, 'other'), { code: 'MR_ACCESS_KEY_UNKNOWN' });
    const second = await createApiKey(keys, { name: 'shop', granted });
    await until(served, second, 200);
    assert.equal((await served.ask(ROUTE, { token: first })).status, 401);
    for (const name of ['', 'a b', 'ü', 'x'.repeat(65)]) {
      await assert.rejects(createApiKey(keys, { name, granted }), { code: 'MR_ACCESS_KEY_NAME' });
    }
    const listed = await listApiKeys(keys);
    assert.deepEqual(
      listed.map(({ name, grants, revoked_ts }) => ({ name, grants, revoked_ts })),
      [{ name: 'shop', grants: ['service'], revoked_ts: null }],
    );
    assert.ok(!JSON.stringify(listed).includes('hash'));
  });

  it('hold for the single rights that they are granted', async (t) => {
    const { directory, keys } = await open(t);
    const key = await createApiKey(keys, { name: 'ci', granted: ['promote', 'train'] });
    const { ask } = await serveOperations(t, { operations, directory, flags });
    const body = {};
    assert.equal((await ask('POST /admin/rollback', { token: key, body })).status, 200);
    assert.equal((await ask('POST /admin/train', { token: key, body })).status, 202);
    const optOut = { token: key, body: { status: 'opted-out' } };
    assert.equal((await ask('PUT /users/u1/privacy', optOut)).code, 'MR_ACCESS_RIGHT');
    assert.equal((await ask(ROUTE, { token: key })).code, 'MR_ACCESS_RIGHT');
  });
});
