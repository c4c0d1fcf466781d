import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, it } from 'node:test';
import { type Credentials, systemClock } from '#platform';
import { ownRegistry, type RegistryServer, registryServer, serversSkip, sharedRegistry } from '#servers';
import { registryContract } from '../contract.ts';
import { ConfluentRegistry } from './confluent-registry.ts';
import { parseRegistryUrl } from './registry-options.ts';

const record = (name: string, ...fields: object[]) => ({ type: 'record', name, fields });
const id = { name: 'id', type: 'string' };
const thing = record('Thing', id);
const larger = record('Thing', id, { name: 'size', type: 'int', default: 0 });
const incompatible = record('Thing', id, { name: 'owner', type: 'string' });

function open(url: string, secrets: Credentials = {}, timeoutMs = 20_000): ConfluentRegistry {
  const options = { ...parseRegistryUrl(url, secrets), timeoutMs };
  return new ConfluentRegistry(options, { clock: systemClock, random: Math.random });
}

/** Nobody listens on the first port. */
const NOBODY = 'http://127.0.0.1:1';

const ownPrefix = () => `t${randomBytes(4).toString('hex')}-`;

async function openPrefixed() {
  const registry = open(`${(await sharedRegistry())?.url}?prefix=${ownPrefix()}`);
  return { registry, dispose: () => registry.close() };
}

registryContract('confluent registry', openPrefixed, serversSkip);

describe('confluent registry', () => {
  it('finds a schema that differs in documentation alone, and refuses with the reason of the registry', async (t) => {
    const server = await registryServer(t);
    if (server === undefined) return;
    const prefix = ownPrefix();
    const registry = open(`${server.url}?prefix=${prefix}`);
    const first = await registry.register('things-value', thing);
    assert.equal(await registry.register('things-value', { ...thing, doc: 'A thing.' }), first);
    await assert.rejects(registry.register('things-value', incompatible), {
      code: 'MR_SCHEMA_INCOMPATIBLE',
      message: /owner/,
    });
    const body = JSON.stringify({ schema: JSON.stringify(incompatible) });
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    const posted = { method: 'POST', body, headers };
    const past = await fetch(`${server.url}/subjects/${prefix}things-value/versions`, posted);
    assert.equal(past.status, 409, 'the registry itself was told to refuse such a version');
  });

  it('gives two processes that register at once one id', async (t) => {
    const server = await registryServer(t);
    if (server === undefined) return;
    for (let round = 0; round < 5; round++) {
      const url: string = `${server.url}?prefix=${ownPrefix()}`;
      const ids = await Promise.all(
        [open(url), open(url), open(url)].map((each) => each.register('x', thing)),
      );
      assert.equal(new Set(ids).size, 1);
      assert.deepEqual(await open(url).versions('x'), [ids[0]]);
    }
  });

  it('reads a schema that is a bare name, and none that is not Avro', async (t) => {
    const server = await registryServer(t);
    if (server === undefined) return;
    const prefix = ownPrefix();
    const post = async (subject: string, body: object) => {
      const response = await fetch(`${server.url}/subjects/${prefix}${subject}/versions`, {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
        body: JSON.stringify(body),
      });
      return ((await response.json()) as { id: number }).id;
    };
    const registry = open(`${server.url}?prefix=${prefix}`);
    assert.deepEqual(await registry.schema(await post('text', { schema: '"string"' })), { type: 'string' });
    const schema = 'syntax = "proto3"; message Thing { string id = 1; }';
    const other = await post('other', { schema, schemaType: 'PROTOBUF' });
    await assert.rejects(registry.schema(other), { code: 'MR_SCHEMA_INVALID', message: /PROTOBUF/ });
  });

  it('goes on with known schemas while the registry is away, and recovers when it is back', async (t) => {
    const server = await ownRegistry(t);
    if (server === undefined) return;
    const before = open(server.url);
    const known = await before.register('things-value', thing);
    await server.kill();

    assert.equal(await before.register('things-value', thing), known);
    assert.deepEqual(await before.schema(known), thing);
    const impatient = open(server.url, {}, 300);
    const unavailable = { code: 'MR_SCHEMA_REGISTRY_UNAVAILABLE', remedy: 'retry' };
    await assert.rejects(impatient.schema(known), { ...unavailable, message: /ECONNREFUSED/ });
    const waiting = before.register('things-value', larger);
    const fresh = open(server.url).schema(known);
    await server.restart();
    assert.notEqual(await waiting, known);
    assert.deepEqual(await fresh, thing);
    assert.deepEqual(await open(server.url).schema(known), thing);

    server.pause();
    await assert.rejects(impatient.schema(known), { ...unavailable, message: /no response in/ });
    server.resume();
  });

  it('ends calls that wait when it is closed', async () => {
    const registry = open(NOBODY);
    const waiting = registry.schema(1);
    await registry.close();
    await assert.rejects(waiting, { code: 'MR_LOG_CLOSED' });
    await assert.rejects(registry.versions('x'), { code: 'MR_LOG_CLOSED' });
  });

  it('takes user and password from the address or apart from it, over TLS with an authority of its own', async (t) => {
    const server = await ownRegistry(t, { auth: true, tls: true });
    if (server === undefined) return;
    const { url, ca } = server;
    const { username, password } = server.credentials as NonNullable<RegistryServer['credentials']>;
    const trusting = `${url}?ca=${ca}`;
    const inUrl = trusting.replace('//', `//${username}:${encodeURIComponent(password)}@`);
    const known = await open(inUrl).register('things-value', thing);
    assert.deepEqual(await open(trusting, { username, password }).schema(known), thing);

    const refused = { code: 'MR_SCHEMA_REGISTRY_REFUSED', remedy: 'fix-configuration' };
    await assert.rejects(open(trusting).schema(known), refused);
    const wrong = open(trusting, { username, password: 'guessed-wrong' });
    await assert.rejects(wrong.schema(known), (error: Error) => {
      assert.match(error.message, new RegExp(`user ${username} with status 401`));
      assert.doesNotMatch(error.message, /guessed/);
      return true;
    });
    await assert.rejects(open(url, { username, password }).schema(known), {
      ...refused,
      message: /SELF_SIGNED_CERT/,
    });
  });

  it('says so where something else answers', async (t) => {
    const server = await registryServer(t);
    if (server === undefined) return;
    const elsewhere = open(new URL('/nowhere', server.url).href);
    await assert.rejects(elsewhere.versions('x'), {
      code: 'MR_SCHEMA_REGISTRY_ANSWER',
      message: /status 404/,
    });
  });
});
