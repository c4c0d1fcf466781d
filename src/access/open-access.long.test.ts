import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, it, type TestContext } from 'node:test';
import { signPeerRequest } from '#engine';
import { type Operation, RIGHTS, usersIn } from '#platform/api';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { operations } from '#service/operations';
import { grantOf, rightsOf } from './grants.ts';
import { createApiKey } from './manage-api-keys.ts';
import { type ServedOptions, servedKeys, serveOperations } from './testing/index.ts';

const ADMIN = 'token of the operator';
const everywhere = { 'http.host': '0.0.0.0', 'admin.token': ADMIN };
/** How long peers may sign by the secret before, as docs/SECURITY.md says. */
const PEER_OVERLAP_MS = 5 * 60_000;
const MISSING = 'MR_ACCESS_TOKEN_MISSING';

const open = (t: TestContext, flags: ServedOptions['flags'], more: Partial<ServedOptions> = {}) =>
  serveOperations(t, { operations, ...more, ...(flags && { flags }) });

/** Its example as a request. */
function exampleOf({ method, path, shownAs, example = {} }: Operation) {
  const { params = {}, query = {}, body } = example as Record<string, Record<string, unknown> | undefined>;
  const filled = (shownAs?.path ?? path).replace(/[:{](\w+)\}?/g, (_, name: string) =>
    encodeURIComponent(String(params[name] ?? 'x')),
  );
  const text = new URLSearchParams(Object.entries(query).map(([key, value]) => [key, String(value)]));
  const isSent = method !== 'GET';
  return { path: `${filled}?${text}`, ...(isSent && { body: body ?? {} }) };
}

describe('every route', () => {
  it('but the public ones refuses whoever has no valid token, beyond this machine', async (t) => {
    const { ask } = await open(t, everywhere);
    const publicOnes: string[] = [];
    for (const operation of operations) {
      const { path, ...asking } = exampleOf(operation);
      const { id, method, access } = operation;
      const found = await ask(`${method} ${path}`, asking);
      if (access === 'public') publicOnes.push(id);
      assert.deepEqual(
        [found.status, found.code],
        access === 'public' ? [200, undefined] : [401, MISSING],
        id,
      );
      for (const token of [`${ADMIN}x`, 'x', 'null', `mrk_${'A'.repeat(43)}`]) {
        const guessed = await ask(`${method} ${path}`, { ...asking, token });
        assert.equal(guessed.code, access === 'public' ? undefined : 'MR_ACCESS_TOKEN', id);
      }
      // Asked for its head, what leaves a record is not of the server at all.
      const ofHead = operation.isRecorded ? 405 : found.status;
      if (method === 'GET') assert.equal((await ask(`HEAD ${path}`)).status, ofHead, id);
      const basic = { authorization: `Basic ${Buffer.from(`a:${ADMIN}`).toString('base64')}` };
      const otherScheme = await ask(`${method} ${path}`, { ...asking, headers: basic });
      assert.equal(otherScheme.status, found.status, id);
    }
    // A further public route is a decision, which this line asks for.
    const expected = ['getServer', 'getOpenApi', 'getDocs', 'getLiveness', 'getReadiness'];
    assert.deepEqual(publicOnes.sort(), expected.sort());
  });

  it('answers the operator', async (t) => {
    const { ask } = await open(t, everywhere);
    for (const operation of operations) {
      const { path, ...asking } = exampleOf(operation);
      const { status } = await ask(`${operation.method} ${path}`, { ...asking, token: ADMIN });
      assert.equal(status, operation.answer.status ?? 200, operation.id);
    }
  });

  it('answers a key with its right, and with no other', async (t) => {
    const directory = temporaryDirectory(t);
    const keys = await servedKeys(t, directory);
    const byRight = new Map<string, string>();
    for (const right of RIGHTS)
      byRight.set(right, await createApiKey(keys, { name: right, granted: [right] }));
    const { ask } = await open(t, everywhere, { directory });
    for (const operation of operations) {
      const { path, ...asking } = exampleOf(operation);
      const allowed = [];
      for (const [right, token] of byRight) {
        const { status, code } = await ask(`${operation.method} ${path}`, { ...asking, token });
        if (status < 300) allowed.push(right);
        else assert.equal(code, 'MR_ACCESS_RIGHT', operation.id);
      }
      const { access } = operation;
      assert.deepEqual(allowed, access === 'public' ? RIGHTS : [access.right], operation.id);
    }
  });

  it('that a user may call says where the request names users', () => {
    for (const { id, access, example = {}, params, body } of operations) {
      if (access === 'public' || access.users === undefined) continue;
      const named = usersIn(example as Record<string, unknown>, access.users);
      const hasUser = /"user(_id)?":/.test(JSON.stringify([example.params, example.body]));
      assert.equal(named.length > 0, hasUser, id);
      assert.ok(params !== undefined || body !== undefined, id);
    }
  });
});

describe('access', () => {
  it('is refused before a body is read', async (t) => {
    const { url } = await open(t, everywhere);
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    t.after(() => void socket.destroy());
    const head =
      'POST /events HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 500000\r\n\r\n{';
    socket.setEncoding('utf8').write(head);
    const [answer] = (await once(socket, 'data')) as [string];
    assert.match(answer, /^HTTP\/1\.1 401 /);
  });

  it('needs no token on a loopback address, but for promoting, training and privacy', async (t) => {
    const { ask } = await open(t, {});
    for (const operation of operations) {
      const { path, ...asking } = exampleOf(operation);
      const { code } = await ask(`${operation.method} ${path}`, asking);
      const { access } = operation;
      const isGuarded = access !== 'public' && ['promote', 'train', 'privacy'].includes(access.right);
      assert.equal(code, isGuarded ? MISSING : undefined, operation.id);
    }
  });

  it('needs a token on a loopback address of what a proxy forwards, and of everyone where that is configured', async (t) => {
    const [local, strict] = [await open(t, {}), await open(t, { 'access.loopback': 'token' })];
    const route = 'GET /recommend/u1';
    assert.equal((await local.ask(route)).status, 200);
    for (const headers of [{ 'x-forwarded-for': '127.0.0.1' }, { forwarded: 'for=127.0.0.1' }]) {
      assert.equal((await local.ask(route, { headers })).code, MISSING);
    }
    assert.equal((await strict.ask(route)).code, MISSING);
    // A token that is sent is checked, also where none is needed.
    assert.equal((await local.ask(route, { token: 'wrong' })).code, 'MR_ACCESS_TOKEN');
  });

  it('is refused to a listener beyond this machine that nobody could authenticate to', async (t) => {
    const flags = { 'http.host': '0.0.0.0' };
    await assert.rejects(open(t, flags), { code: 'MR_ACCESS_UNPROTECTED' });
    await assert.rejects(open(t, { ...flags, 'http.host': '192.0.2.1' }), { code: 'MR_ACCESS_UNPROTECTED' });
    const directory = temporaryDirectory(t);
    const keys = await servedKeys(t, directory);
    await assert.rejects(open(t, flags, { directory }), { code: 'MR_ACCESS_UNPROTECTED' });
    await createApiKey(keys, { name: 'shop', granted: ['service'] });
    const { ask } = await open(t, flags, { directory });
    assert.equal((await ask('GET /recommend/u1')).code, MISSING);
  });

  it('needs no token where that is asked for in so many words, but for what is guarded', async (t) => {
    const { ask } = await open(t, { 'http.host': '0.0.0.0', 'access.insecure': 'on' });
    assert.equal((await ask('GET /recommend/u1')).status, 200);
    assert.equal((await ask('GET /metrics')).status, 200);
    assert.equal((await ask('POST /admin/rollback', { body: {} })).code, MISSING);
  });

  it("is given to peers by the secret that they share, and to the process's own programs", async (t) => {
    const clock = new ManualClock(Date.UTC(2026, 10, 24));
    const ownToken = 'token of this process';
    const { ask } = await open(
      t,
      { ...everywhere, 'http.peerSecret': 'secret of the peers' },
      { clock, ownToken },
    );
    const path = '/tasks/a/0/rows?store=s';
    const signed = (secret: string, of = path) => signPeerRequest(secret, of, clock.now());
    assert.equal((await ask(`GET ${path}`, { token: signed('secret of the peers') })).status, 200);
    for (const token of [signed(ADMIN), signed('secret of the peers', '/tasks/a/1/rows?store=s')]) {
      assert.equal((await ask(`GET ${path}`, { token })).code, 'MR_ACCESS_TOKEN');
    }
    const other = '/recommend/u1';
    const wrongRoute = await ask(`GET ${other}`, { token: signed('secret of the peers', other) });
    assert.equal(wrongRoute.code, 'MR_ACCESS_RIGHT');
    const stale = signed('secret of the peers');
    await clock.advance(60_001);
    assert.equal((await ask(`GET ${path}`, { token: stale })).code, 'MR_ACCESS_TOKEN');
    assert.equal((await ask('GET /recommend/u1', { token: ownToken })).status, 200);
    assert.equal((await ask('GET /metrics', { token: ownToken })).code, 'MR_ACCESS_RIGHT');
  });

  it('changes with the secrets: the token before ends at once, what peers sign by theirs five minutes later', async (t) => {
    const clock = new ManualClock(Date.UTC(2026, 10, 24));
    const { ask, access } = await open(
      t,
      { ...everywhere, 'http.peerSecret': 'secret of the peers' },
      { clock },
    );
    const path = '/tasks/a/0/rows?store=s';
    const asPeer = async (secret: string) =>
      (await ask(`GET ${path}`, { token: signPeerRequest(secret, path, clock.now()) })).status;
    access.renew({ adminToken: 'the token after', peerSecret: 'second secret of them' });
    assert.equal((await ask('GET /metrics', { token: ADMIN })).code, 'MR_ACCESS_TOKEN');
    assert.equal((await ask('GET /metrics', { token: 'the token after' })).status, 200);
    assert.deepEqual(
      [await asPeer('secret of the peers'), await asPeer('second secret of them')],
      [200, 200],
    );
    await clock.advance(PEER_OVERLAP_MS - 1);
    assert.equal(await asPeer('secret of the peers'), 200);
    // The same again is no renewal; another one does not prolong the first.
    access.renew({ adminToken: 'the token after', peerSecret: 'second secret of them' });
    access.renew({ adminToken: 'the token after', peerSecret: 'third secret of them' });
    await clock.advance(1);
    assert.equal(await asPeer('secret of the peers'), 401);
    assert.deepEqual(
      [await asPeer('second secret of them'), await asPeer('third secret of them')],
      [200, 200],
    );
    await clock.advance(PEER_OVERLAP_MS);
    assert.deepEqual(
      [await asPeer('second secret of them'), await asPeer('third secret of them')],
      [401, 200],
    );
  });

  it('is refused to profile prod where nobody could authenticate, wherever it listens', async (t) => {
    for (const flags of [{ profile: 'prod' }, { profile: 'prod', 'access.insecure': 'on' }]) {
      await assert.rejects(open(t, flags), { code: 'MR_ACCESS_UNPROTECTED', message: /Profile prod/ });
    }
    await open(t, { profile: 'prod', 'admin.token': ADMIN });
  });

  it('knows roles and rights by name alone', () => {
    assert.deepEqual([...rightsOf(['toString', 'Admin', '', 'observe'])], ['observe']);
    assert.deepEqual([...rightsOf(['admin'])], RIGHTS);
    for (const grant of ['user', 'service', 'admin', ...RIGHTS]) assert.equal(grantOf(grant), grant);
    assert.throws(() => grantOf('root'), { code: 'MR_ACCESS_GRANT' });
  });
});
