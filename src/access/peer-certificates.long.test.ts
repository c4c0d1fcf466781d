import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it, type TestContext } from 'node:test';
import { httpPeers, signPeerRequest } from '#engine';
import { asPeer, httpsFetch, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { type CertificatePaths, makeCertificate } from '#servers';
import { operations } from '#service/operations';
import { createApiKey } from './manage-api-keys.ts';
import { servedKeys, serveOperations } from './testing/index.ts';

const ROWS = '/tasks/a/0/rows?store=s';
const read = (path: string) => readFileSync(path, 'utf8');

/** A server beyond this machine that knows peers by certificates, and who asks it: its like, a stranger, and one that shows none. */
async function certified(t: TestContext, secrets: Readonly<Record<string, string>> = {}) {
  const directory = temporaryDirectory(t);
  const observer = await createApiKey(await servedKeys(t, directory), {
    name: 'observer',
    granted: ['observe'],
  });
  const authority = await makeCertificate(directory, { prefix: 'authority-' });
  const own = await makeCertificate(directory, { prefix: 'own-', authority });
  const stranger = await makeCertificate(directory, { prefix: 'stranger-' });
  const files = {
    'http.tlsCertificate': own.certificate,
    'http.tlsKey': own.key,
    'http.tlsAuthority': authority.certificate,
  };
  const flags = { 'http.host': '0.0.0.0', ...files, ...secrets };
  const { url, ask } = await serveOperations(t, { operations, flags, directory });
  const ca = read(authority.certificate);
  const showing = ({ certificate, key }: CertificatePaths) =>
    httpsFetch(() => asPeer({ certificate: read(certificate), key: read(key), authority: ca }));
  return {
    url,
    observer,
    own: showing(own),
    stranger: showing(stranger),
    none: httpsFetch(() => ({ ca })),
    status: async (route: string, by: typeof fetch, token?: string) =>
      (await ask(`GET ${route}`, { fetch: by, token })).status,
  };
}

it('peers need a certificate of the authority beside their signature', async (t) => {
  const secret = 'secret of the peers';
  const { status, own, stranger, none, observer } = await certified(t, { 'http.peerSecret': secret });
  const signed = signPeerRequest(secret, ROWS, systemClock.now());
  assert.equal(await status(ROWS, own, signed), 200);
  const forged = signPeerRequest('another secret of them', ROWS, systemClock.now());
  assert.equal(await status(ROWS, own, forged), 401);
  assert.equal(await status(ROWS, own), 401);
  assert.equal(await status(ROWS, stranger, signed), 401);
  assert.equal(await status(ROWS, none, signed), 401);
  // Others are known by their tokens, with or without a certificate.
  for (const by of [own, none]) {
    assert.equal(await status('/metrics', by, observer), 200);
    assert.equal(await status('/metrics', by), 401);
  }
});

it('a certificate is enough where the processes share no secret, and for their route alone', async (t) => {
  const { url, status, own, stranger, none } = await certified(t);
  assert.equal(await status(ROWS, own), 200);
  assert.equal(await status('/metrics', own), 401);
  assert.equal(await status(ROWS, stranger), 401);
  assert.equal(await status(ROWS, none), 401);
  const task = { subTopology: 'a', partition: 0 };
  const wanted = { task, role: 'active', store: 's', wanted: { key: Buffer.from('k') } } as const;
  const refused = httpPeers({ clock: systemClock, fetch: none }).read(url, wanted);
  await assert.rejects(refused, { code: 'MR_QUERY_TASK_MOVING', message: /401 MR_ACCESS_TOKEN_MISSING/ });
});
