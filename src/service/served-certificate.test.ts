import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { it, type TestContext } from 'node:test';
import { createHttpServer, createLogger, createMetrics, ServedCertificate, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { makeCertificate } from '#servers';
import { fetchByCertificate } from './served-certificate.ts';

const NEVER_MS = 2 ** 31 - 1;
const closing = { headers: { connection: 'close' } };

/** A server whose files have been replaced, and who looks at them every `lookEveryMs`. */
async function renewing(t: TestContext, lookEveryMs: number) {
  const directory = temporaryDirectory(t);
  const files = await makeCertificate(directory);
  const next = await makeCertificate(directory, { prefix: 'next-' });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const environment = { clock: systemClock, logger, metrics: createMetrics(), lookEveryMs };
  const served = ServedCertificate.open(files, environment);
  const server = await createHttpServer({ ...environment, certificate: served });
  t.after(async () => {
    served.close();
    await server.close();
  });
  const { url } = await server.listen({ host: '127.0.0.1', port: 0 });
  copyFileSync(next.key, files.key);
  copyFileSync(next.certificate, files.certificate);
  const http = { tlsCertificate: files.certificate } as Parameters<typeof fetchByCertificate>[0]['http'];
  return { http, served, live: `${url}/health/live` };
}

it('callers in the process trust the certificate that it shows, whatever its files hold by now', async (t) => {
  const { http, served, live } = await renewing(t, NEVER_MS);
  const answer = await fetchByCertificate({ http }, served)?.(live, closing);
  assert.equal(answer?.status, 200);
});

it('callers in other processes wait until the server shows the certificate of its files', async (t) => {
  const { http, live } = await renewing(t, 250);
  const answer = await fetchByCertificate({ http })?.(live, closing);
  assert.equal(answer?.status, 200);
});
