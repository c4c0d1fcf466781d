import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { eventually, temporaryDirectory } from '#platform/testing';
import { ownRedis, redisServer } from '#servers';
import { operations } from '#service/operations';
import { createApiKey } from './manage-api-keys.ts';
import { Issuer, type Served, servedKeys, serveOperations } from './testing/index.ts';

const ADMIN = 'token of the operator';
const RECOMMEND = 'GET /recommend/u1';
const ROLLBACK = 'POST /admin/rollback';

async function open(t: TestContext, flags: Readonly<Record<string, string | number>>, replicas = 1) {
  const directory = temporaryDirectory(t);
  const issuer = await Issuer.open(t, Date.now);
  const keys = await servedKeys(t, directory);
  const key = (name: string) => createApiKey(keys, { name, granted: ['service'] });
  const [shop, search] = [await key('shop'), await key('search')];
  const all = { 'http.host': '0.0.0.0', 'admin.token': ADMIN, ...issuer.flags, ...flags };
  const served: Served[] = [];
  for (let i = 0; i < replicas; i++) {
    served.push(await serveOperations(t, { operations, directory, flags: all }));
  }
  return { served, issuer, shop, search };
}

/** The codes of this many answers, one after another. */
async function codes(count: number, ask: () => ReturnType<Served['ask']>): Promise<(number | string)[]> {
  const found: (number | string)[] = [];
  for (let i = 0; i < count; i++) {
    const { status, code } = await ask();
    found.push(code ?? status);
  }
  return found;
}

const TOO_MANY = 'MR_ACCESS_RATE';

describe('rate limits', { timeout: 180_000 }, () => {
  it('hold for each client, over all routes', async (t) => {
    const { served, shop, search } = await open(t, { 'limits.client': 2 });
    const [server] = served as [Served];
    assert.deepEqual(await codes(3, () => server.ask(RECOMMEND, { token: shop })), [200, 200, TOO_MANY]);
    const { status, headers } = await server.ask('GET /similar/i1', { token: shop });
    assert.equal(status, 429);
    const wait = Number(headers.get('retry-after'));
    assert.ok(wait >= 1 && wait <= 60, String(wait));
    assert.deepEqual(await codes(1, () => server.ask(RECOMMEND, { token: search })), [200]);
    // Public routes are for probes, which have no token.
    assert.deepEqual(await codes(5, () => server.ask('GET /health/live')), [200, 200, 200, 200, 200]);
  });

  it('hold for each user', async (t) => {
    const { served, issuer } = await open(t, { 'limits.user': 1 });
    const [server] = served as [Served];
    const [u1, again, u2] = [
      await issuer.sign({ sub: 'u1' }),
      await issuer.sign({ sub: 'u1', jti: 'another' }),
      await issuer.sign({ sub: 'u2' }),
    ];
    assert.deepEqual(await codes(1, () => server.ask(RECOMMEND, { token: u1 })), [200]);
    assert.deepEqual(await codes(1, () => server.ask(RECOMMEND, { token: again })), [TOO_MANY]);
    assert.deepEqual(await codes(1, () => server.ask('GET /recommend/u2', { token: u2 })), [200]);
  });

  it('hold for each caller of a route', async (t) => {
    const { served, shop, search } = await open(t, { 'limits.routes': '{"recommend": 1}' });
    const [server] = served as [Served];
    assert.deepEqual(await codes(2, () => server.ask(RECOMMEND, { token: shop })), [200, TOO_MANY]);
    assert.deepEqual(await codes(2, () => server.ask('GET /similar/i1', { token: shop })), [200, 200]);
    assert.deepEqual(await codes(1, () => server.ask(RECOMMEND, { token: search })), [200]);
  });

  it('hold for the address of those whose tokens are refused', async (t) => {
    const { served, shop } = await open(t, { 'limits.client': 2 });
    const [server] = served as [Served];
    let tried = 0;
    const tries = () => server.ask(RECOMMEND, { token: `mrk_${tried++}` });
    assert.deepEqual(await codes(4, tries), ['MR_ACCESS_TOKEN', 'MR_ACCESS_TOKEN', TOO_MANY, TOO_MANY]);
    assert.deepEqual(await codes(1, () => server.ask(RECOMMEND, { token: shop })), [200]);
  });

  it('are counted by all processes together in Redis', async (t) => {
    const redis = await redisServer(t);
    if (redis === undefined) return;
    const limits = { 'limits.client': 3, 'limits.store': redis.url };
    const { served, shop } = await open(t, limits, 2);
    const [one, two] = served as [Served, Served];
    // Until its connection is made, a process answers without counting.
    await Promise.all(served.map((each) => counting(each)));
    const found = [
      ...(await codes(2, () => one.ask(RECOMMEND, { token: shop }))),
      ...(await codes(2, () => two.ask(RECOMMEND, { token: shop }))),
      ...(await codes(1, () => one.ask(RECOMMEND, { token: shop }))),
    ];
    assert.deepEqual(found, [200, 200, 200, TOO_MANY, TOO_MANY]);
  });

  it('while Redis is away, are given up by most routes, which answer, and not by others', async (t) => {
    const redis = await ownRedis(t);
    if (redis === undefined) return;
    const limits = { 'limits.client': 4, 'limits.store': redis.url };
    const { served, shop } = await open(t, limits);
    const [server] = served as [Served];
    await counting(server);
    for (const leave of [async () => redis.pause(), () => redis.kill()]) {
      await leave();
      assert.deepEqual(await codes(6, () => server.ask(RECOMMEND, { token: shop })), Array(6).fill(200));
      const refused = await server.ask(ROLLBACK, { token: ADMIN, body: {} });
      assert.deepEqual([refused.status, refused.code], [503, 'MR_ACCESS_LIMITS_AWAY']);
      redis.resume();
    }
    assert.match(await server.metrics.render(), /access_unlimited_total [1-9]/);
    assert.ok(server.logged.includes('rate limits cannot be checked: limits.store is away'));
    await redis.restart();
    await counting(server);
    assert.ok((await codes(5, () => server.ask(RECOMMEND, { token: shop }))).includes(TOO_MANY));
  });
});

/** Waits until a route that requires limits answers, with a caller who is used for this alone. */
async function counting({ ask }: Served): Promise<void> {
  await eventually(
    async () => (await ask(ROLLBACK, { token: ADMIN, body: {} })).code !== 'MR_ACCESS_LIMITS_AWAY',
  );
}
