import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { exportSPKI, type JWTPayload } from 'jose';
import { ManualClock, temporaryDirectory } from '#platform/testing';
import { operations } from '#service/operations';
import { Issuer, type ServedOptions, type SigningKey, serveOperations, signingKey } from './testing/index.ts';

const NOW = Date.UTC(2026, 10, 24);
const OWN = 'GET /recommend/u1';
const INVALID = [401, 'MR_ACCESS_TOKEN'];

/** The issuer's key, and a stranger's with the same key id. */
const [key, stranger] = await Promise.all([signingKey('RS256', 'first'), signingKey('RS256', 'first')]);

async function open(t: TestContext, keys?: readonly SigningKey[], options: Partial<ServedOptions> = {}) {
  const clock = new ManualClock(NOW);
  const issuer = await Issuer.open(t, () => clock.now(), keys);
  const flags = { 'http.host': '0.0.0.0', ...issuer.flags, ...options.flags };
  const served = await serveOperations(t, { operations, clock, ...options, flags });
  const asked = async (token: string, route = OWN, body?: unknown) => {
    const { status, code } = await served.ask(route, { token, body });
    return code === undefined ? status : [status, code];
  };
  return { clock, issuer, served, asked };
}

const encoded = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');

describe('JSON web tokens', () => {
  for (const alg of ['RS256', 'ES256', 'EdDSA']) {
    it(`are accepted with a signature by ${alg}`, async (t) => {
      const { issuer, asked } = await open(t, [await signingKey(alg, 'a')]);
      assert.equal(await asked(await issuer.sign({})), 200);
    });
  }

  it('are accepted with keys from a file, which may be replaced', async (t) => {
    const path = join(temporaryDirectory(t), 'keys.json');
    const [first, second] = [await signingKey('ES256', 'a'), await signingKey('ES256', 'b')];
    const publish = (key: SigningKey) => {
      writeFileSync(`${path}.new`, JSON.stringify({ keys: [key.jwk] }));
      renameSync(`${path}.new`, path);
    };
    publish(first);
    const { clock, issuer, asked } = await open(t, [first], { flags: { 'jwt.jwks': path } });
    assert.equal(await asked(await issuer.sign({})), 200);
    publish(second);
    await clock.advance(2_000);
    assert.equal(await asked(await issuer.sign({}, { key: second })), 200);
    assert.deepEqual(await asked(await issuer.sign({}, { key: first })), INVALID);
    assert.equal(issuer.asked, 0);
  });

  it('that are forged are refused', async (t) => {
    const { issuer, asked, served } = await open(t, [key]);
    const forged: [name: string, forge: () => Promise<string> | string, expected?: readonly unknown[]][] = [];
    const refuses = (...each: (typeof forged)[number]) => void forged.push(each);
    const claims = (more: JWTPayload = {}) => ({
      iss: issuer.name,
      aud: issuer.audience,
      sub: 'u1',
      exp: NOW / 1_000 + 600,
      ...more,
    });
    const withHeader = (header: Record<string, unknown>) => () => issuer.sign({}, { key: stranger, header });

    refuses('algorithm none', () => `${encoded({ alg: 'none' })}.${encoded(claims())}.`);
    refuses('algorithm None, with the kid', () => {
      return `${encoded({ alg: 'None', kid: 'first' })}.${encoded(claims())}.`;
    });
    for (const form of ['PEM', 'JWK'] as const) {
      refuses(`HS256 with the public key as the secret, as ${form}`, async () => {
        const secret = form === 'PEM' ? await exportSPKI(key.publicKey) : JSON.stringify(key.jwk);
        const signed = `${encoded({ alg: 'HS256', kid: 'first' })}.${encoded(claims())}`;
        return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
      });
    }
    refuses('another key under the same kid', withHeader({}));
    refuses('a kid that is a path', withHeader({ kid: '../../../../dev/null' }));
    refuses('a kid that is SQL', withHeader({ kid: "x' UNION SELECT 'secret" }));
    refuses('a kid of the prototype', withHeader({ kid: '__proto__' }));
    refuses('another key in the header', withHeader({ jwk: stranger.jwk }));
    refuses('another key in the header, without a kid', withHeader({ jwk: stranger.jwk, kid: undefined }));
    refuses('an algorithm that is not allowed', async () => {
      return issuer.sign({}, { key: await signingKey('PS256', 'first') });
    });
    refuses('claims changed after signing', async () => {
      const [header, , signature] = (await issuer.sign({ sub: 'u2' })).split('.');
      return `${header}.${encoded(claims({ roles: ['admin'] }))}.${signature}`;
    });
    refuses('a signature left out', async () => {
      const [header, payload] = (await issuer.sign({})).split('.');
      return `${header}.${payload}.`;
    });
    refuses('an unknown critical header', () => {
      const header = { alg: 'RS256', kid: 'first', crit: ['x'], x: 1 };
      return `${encoded(header)}.${encoded(claims())}.AAAA`;
    });
    refuses('another issuer', () => issuer.sign({ iss: 'https://other.example' }));
    refuses('another audience', () => issuer.sign({ aud: ['shop', 'search'] }));
    refuses('no audience', () => issuer.signWithout('aud'));
    refuses('not valid yet', () => issuer.sign({ nbf: NOW / 1_000 + 60 }));
    refuses('no expiry', () => issuer.signWithout('exp'));
    refuses('no subject', () => issuer.signWithout('sub'));
    refuses('a subject of any length', () => issuer.sign({ sub: 'u'.repeat(129) }));
    refuses('expired', () => issuer.sign({ exp: NOW / 1_000 - 60 }), [401, 'MR_ACCESS_TOKEN_EXPIRED']);
    for (const junk of ['x', '..', 'a.b.c', 'mrk_x', 'peer.1.x', '%C3%A9', 'a b']) {
      refuses(`no token at all: ${junk}`, () => junk);
    }

    for (const [name, forge, expected = INVALID] of forged) {
      await t.test(name, async () => {
        const token = await forge();
        assert.deepEqual(await asked(token), expected);
        const { headers } = await served.ask(OWN, { token });
        assert.equal(headers.get('www-authenticate'), 'Bearer realm="millrace", error="invalid_token"');
      });
    }
    assert.equal(await asked(await issuer.sign({})), 200);
  });

  it('never cause a request to an address that they name', async (t) => {
    const { clock, issuer, asked } = await open(t);
    const attacker = await Issuer.open(t, () => clock.now());
    const header = { jku: attacker.address, x5u: attacker.address };
    assert.deepEqual(await asked(await issuer.sign({}, { key: stranger, header })), INVALID);
    assert.equal(attacker.asked, 0);
  });

  it('let a user ask about itself alone', async (t) => {
    const { issuer, asked } = await open(t);
    const token = await issuer.sign({ sub: 'u1' });
    const other = [403, 'MR_ACCESS_USER'];
    assert.equal(await asked(token, 'GET /recommend/u1'), 200);
    assert.deepEqual(await asked(token, 'GET /recommend/u2'), other);
    assert.deepEqual(await asked(token, 'GET /recommend/u1%20'), other);
    assert.deepEqual(await asked(token, 'GET /features/user/u2'), other);
    assert.equal(await asked(token, 'GET /features/item/i1'), 200);
    assert.equal(await asked(token, 'POST /features', { user: 'u1' }), 200);
    assert.deepEqual(await asked(token, 'POST /features', { user: 'u2' }), other);
    assert.deepEqual(await asked(token, 'POST /rank', { user_id: 'u2', items: ['i1'] }), other);
    const many = (...users: string[]) => ({ requests: users.map((user_id) => ({ user_id })) });
    assert.equal(await asked(token, 'POST /recommend', many('u1', 'u1')), 200);
    assert.deepEqual(await asked(token, 'POST /recommend', many('u1', 'u2')), other);
    assert.equal(await asked(token, 'POST /recommend', { requests: [{ recent_items: ['i1'] }] }), 200);
  });

  it('have the rights of their roles, and users no others', async (t) => {
    const { issuer, asked } = await open(t);
    const event = { event_id: 'e1', user_id: 'u2', item_id: 'i1', kind: 'click' };
    const results = async (roles: unknown) => {
      const token = await issuer.sign({ roles });
      return Promise.all([
        asked(token, 'GET /recommend/u2'),
        asked(token, 'POST /events', event),
        asked(token, 'GET /metrics'),
        asked(token, 'POST /admin/rollback', {}),
        asked(token, 'PUT /users/u2/privacy', { status: 'opted-out' }),
      ]);
    };
    const [other, no] = [
      [403, 'MR_ACCESS_USER'],
      [403, 'MR_ACCESS_RIGHT'],
    ];
    assert.deepEqual(await results(undefined), [other, no, no, no, no]);
    assert.deepEqual(await results(['offline_access', 'constructor']), [other, no, no, no, no]);
    assert.deepEqual(await results('user promote'), [other, no, no, 200, no]);
    assert.deepEqual(await results(['service']), [200, 202, no, no, no]);
    assert.deepEqual(await results('service privacy'), [200, 202, no, no, 200]);
    assert.deepEqual(await results(['admin']), [200, 202, 200, 200, 200]);
    assert.deepEqual(await results(['observe']), [no, no, 200, no, no]);
  });

  it('say which right is missing', async (t) => {
    const { issuer, served } = await open(t);
    const { headers } = await served.ask('GET /metrics', { token: await issuer.sign({}) });
    const expected = 'Bearer realm="millrace", error="insufficient_scope", scope="observe"';
    assert.equal(headers.get('www-authenticate'), expected);
  });

  it('wait for the keys of an issuer that is away', async (t) => {
    const clock = new ManualClock(NOW);
    const issuer = await Issuer.open(t, () => clock.now());
    issuer.isAway = true;
    const flags = { 'http.host': '0.0.0.0', ...issuer.flags };
    const { ask, logged } = await serveOperations(t, { operations, clock, flags });
    const token = await issuer.sign({});
    const { status, code, headers } = await ask(OWN, { token });
    assert.deepEqual([status, code, headers.get('retry-after')], [503, 'MR_ACCESS_KEYS_AWAY', '1']);
    assert.ok(logged.includes('the keys of jwt.jwks could not be read'));
    issuer.isAway = false;
    await clock.advance(10_000);
    assert.equal((await ask(OWN, { token })).status, 200);
  });
});
