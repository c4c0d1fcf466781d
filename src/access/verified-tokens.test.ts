import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import type { Caller } from '#platform';
import { createLogger, createMetrics } from '#platform';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { JsonWebTokens } from './json-web-tokens.ts';
import { Issuer, signingKey } from './testing/index.ts';
import { VerifiedTokens } from './verified-tokens.ts';

const NOW = Date.UTC(2026, 10, 24);
const caller: Caller = { name: 'user u1', rights: new Set() };

async function open(t: TestContext, remembered?: number) {
  const clock = new ManualClock(NOW);
  const issuer = await Issuer.open(t, () => clock.now());
  const metrics = createMetrics();
  const tokens = await JsonWebTokens.open({
    issuer: issuer.name,
    audience: issuer.audience,
    jwks: issuer.address,
    rolesClaim: 'roles',
    clock,
    logger: createLogger({ level: 'silent', name: 'test' }),
    metrics,
    ...(remembered !== undefined && { remembered }),
  });
  t.after(() => tokens.close());
  const outcomes = async () => {
    const text = await metrics.render();
    const of = (outcome: string) =>
      Number(new RegExp(`access_tokens_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1] ?? 0);
    return { cached: of('cached'), verified: of('verified'), refused: of('refused') };
  };
  return { clock, issuer, tokens, outcomes };
}

describe('verified tokens', () => {
  it('are remembered by the whole token, the least recently used forgotten beyond the limit', () => {
    const cache = new VerifiedTokens(2);
    for (const token of ['a', 'b']) cache.put(token, caller, 10);
    assert.equal(cache.get('a', 0), caller);
    cache.put('c', caller, 10);
    assert.deepEqual(
      ['a', 'b', 'c', 'A', 'a.'].map((token) => cache.get(token, 0) !== undefined),
      [true, false, true, false, false],
    );
    assert.equal(cache.size, 2);
    cache.put('c', caller, 10);
    assert.equal(cache.size, 2);
  });

  it('are forgotten when they expire, used or not', () => {
    const cache = new VerifiedTokens(10);
    for (const [token, until] of Object.entries({ a: 10, b: 11, c: 12 })) cache.put(token, caller, until);
    assert.equal(cache.get('a', 9), caller);
    assert.equal(cache.get('a', 10), undefined);
    assert.equal(cache.size, 2);
    cache.removeExpired(11);
    assert.equal(cache.size, 1);
  });

  it('take no token of any length', () => {
    const cache = new VerifiedTokens(10);
    cache.put('x'.repeat(4_097), caller, 10);
    assert.equal(cache.size, 0);
  });

  it('are verified once until they expire, to the second', async (t) => {
    const { clock, issuer, tokens, outcomes } = await open(t);
    const token = await issuer.sign({ exp: NOW / 1_000 + 30 });
    for (let i = 0; i < 3; i++) assert.equal((await tokens.callerOf(token)).name, 'user u1');
    assert.deepEqual(await outcomes(), { cached: 2, verified: 1, refused: 0 });
    // The clocks of issuer and server may differ by five seconds.
    await clock.advance(34_999);
    assert.equal((await tokens.callerOf(token)).name, 'user u1');
    await clock.advance(1);
    await assert.rejects(async () => tokens.callerOf(token), { code: 'MR_ACCESS_TOKEN_EXPIRED' });
    assert.equal(tokens.remembered, 0);
  });

  it('are bounded, and what is refused takes no place among them', async (t) => {
    const { issuer, tokens } = await open(t, 3);
    const other = await signingKey('ES256', 'first');
    for (let i = 0; i < 8; i++) {
      await tokens.callerOf(await issuer.sign({ sub: `u${i}` }));
      const forged = await issuer.sign({ sub: `u${i}` }, { key: other });
      await assert.rejects(async () => tokens.callerOf(forged), { code: 'MR_ACCESS_TOKEN' });
    }
    assert.equal(tokens.remembered, 3);
  });

  it('are all forgotten when keys rotate: those of a withdrawn key are refused', async (t) => {
    const { clock, issuer, tokens } = await open(t);
    const [first] = issuer.keys;
    const second = await signingKey('EdDSA', 'second');
    const old = await issuer.sign({});
    await tokens.callerOf(old);
    await tokens.refreshKeys();
    assert.equal(tokens.remembered, 1);

    // Both are published for a while. A token by the new key causes the keys to be read, once in ten seconds.
    issuer.keys = first === undefined ? [] : [second, first];
    const asked = issuer.asked;
    await assert.rejects(async () => tokens.callerOf(await issuer.sign({})), { code: 'MR_ACCESS_TOKEN' });
    await clock.advance(10_000);
    await tokens.callerOf(await issuer.sign({}));
    assert.equal(issuer.asked, asked + 1);
    await tokens.callerOf(old);
    assert.equal(tokens.remembered, 2);

    issuer.keys = [second];
    await tokens.refreshKeys();
    assert.equal(tokens.remembered, 0);
    await assert.rejects(async () => tokens.callerOf(old), { code: 'MR_ACCESS_TOKEN' });
  });

  it('stay valid while the issuer is away or publishes no key set', async (t) => {
    const { issuer, tokens } = await open(t);
    const token = await issuer.sign({});
    await tokens.callerOf(token);
    issuer.isAway = true;
    await tokens.refreshKeys();
    assert.equal((await tokens.callerOf(token)).name, 'user u1');
    assert.equal((await tokens.callerOf(await issuer.sign({ sub: 'u2' }))).name, 'user u2');
  });
});

it('key sets come from https, this machine, or a file with keys', async (t) => {
  const directory = temporaryDirectory(t);
  writeFileSync(join(directory, 'text'), 'no keys');
  writeFileSync(join(directory, 'object'), '{"keys": 1}');
  const clock = new ManualClock(NOW);
  const logger = createLogger({ level: 'silent', name: 'test' });
  const options = {
    issuer: 'i',
    audience: 'a',
    rolesClaim: 'roles',
    clock,
    logger,
    metrics: createMetrics(),
  };
  const wrong = ['http://issuer.example/keys', 'ftp://127.0.0.1/keys', 'file:///etc/hostname'];
  for (const name of ['none', 'text', 'object']) wrong.push(join(directory, name));
  for (const jwks of wrong) {
    await assert.rejects(JsonWebTokens.open({ ...options, jwks }), { code: 'MR_ACCESS_JWKS' }, jwks);
  }
});
