import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { describe, it } from 'node:test';
import { ownRegistry, registryServer } from './for-tests.ts';
import { allGone, isStopped } from './testing/processes.ts';

const limit = { timeout: 180_000 };
const schema = JSON.stringify({ schema: JSON.stringify({ type: 'string' }) });

async function register(url: string, subject: string): Promise<unknown> {
  const response = await fetch(`${url}/subjects/${subject}/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: schema,
  });
  assert.equal(response.status, 200, await response.clone().text());
  return response.json();
}

describe('RegistryServer', () => {
  it('keeps its schemas over a kill, on the same port, and leaves nothing behind', limit, async (t) => {
    const registry = await ownRegistry(t);
    if (registry === undefined) return;
    const { url, pid, directory } = registry;
    const { id } = (await register(url, 'words-value')) as { id: number };
    assert.ok(id > 0);
    await registry.kill();
    assert.equal(registry.isRunning, false);
    await assert.rejects(fetch(`${url}/subjects`));
    await registry.restart();
    assert.equal(registry.url, url);
    const found = await fetch(`${url}/schemas/ids/${id}`);
    assert.equal(((await found.json()) as { schema: string }).schema, '{"type":"string"}');

    registry.pause();
    await isStopped(registry.pid);
    registry.resume();

    await registry.stop();
    await allGone([pid, registry.pid], [directory]);
  });

  it('wants a certificate to be trusted and a password, if so made', limit, async (t) => {
    const registry = await ownRegistry(t, { auth: true, tls: true });
    if (registry === undefined) return;
    const { username, password } = registry.credentials ?? { username: '', password: '' };
    const ca = readFileSync(registry.ca ?? '');
    const url = `${registry.url}/subjects`;
    assert.equal(await statusOf(url, { ca, auth: `${username}:${password}` }), 200);
    assert.equal(await statusOf(url, { ca, auth: `${username}:wrong` }), 401);
    assert.equal(await statusOf(url, { ca }), 401);
    await assert.rejects(statusOf(url, { auth: `${username}:${password}` }), /self-signed/);
    await registry.kill();
    await assert.rejects(statusOf(url, { ca, auth: `${username}:${password}` }), /hang up|ECONNRESET/);
  });
});

describe('the shared registry', () => {
  it('answers', limit, async (t) => {
    const registry = await registryServer(t);
    if (registry === undefined) return;
    assert.equal((await fetch(`${registry.url}/subjects`)).status, 200);
  });
});

function statusOf(url: string, options: { ca?: Buffer; auth?: string }): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const asking = request(url, { ...options, agent: false }, (response) => {
      response.resume();
      response.once('end', () => resolve(response.statusCode));
    });
    asking.once('error', reject).end();
  });
}
