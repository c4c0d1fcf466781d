import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { connect } from 'node:tls';
import { createHttpServer, createLogger, createMetrics, type Logger, systemClock } from '#platform';
import { eventually, freePort, ManualClock, temporaryDirectory } from '#platform/testing';
import { makeCertificate } from '#servers';
import { ServedCertificate } from './certificate.ts';
import { httpsFetch, trustingOnly } from './https-fetch.ts';

const DAY_MS = 86_400_000;
const LOOK_EVERY_MS = 5;
/** A name at which the test does not reach the server. */
const ELSEWHERE = 'DNS:shop.example';

const read = (path: string) => readFileSync(path, 'utf8');
const closing = { headers: { connection: 'close' } };

/** A server whose certificate may be replaced by another. */
async function served(t: TestContext) {
  const directory = temporaryDirectory(t);
  const files = await makeCertificate(directory, { names: ELSEWHERE });
  const other = await makeCertificate(directory, { prefix: 'other-' });
  const logged: string[] = [];
  const note = (fields: { readonly err?: Error }, message?: string) =>
    void logged.push(`${message}: ${fields.err?.message}`);
  const logger = { ...createLogger({ level: 'silent', name: 'test' }), warn: note, error: note } as Logger;
  const metrics = createMetrics();
  const environment = { clock: systemClock, logger, metrics, lookEveryMs: LOOK_EVERY_MS };
  const certificate = ServedCertificate.open(files, environment);
  const server = await createHttpServer({ logger, metrics, certificate });
  t.after(async () => {
    certificate.close();
    await server.close();
  });
  const { url, port } = await server.listen({ host: '127.0.0.1', port: 0 });
  const untilLogged = async (lines: number) => {
    await eventually(() => logged.length >= lines);
  };
  return { files, other, logged, untilLogged, metrics, certificate, url, port };
}

/** The fingerprint of what a new connection is shown. */
function shownAt(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.once('error', reject);
  });
}

const fingerprintOf = (path: string) => new X509Certificate(read(path)).fingerprint256;

describe('a server with a certificate', () => {
  it('speaks HTTPS to whom trusts it, and to nobody else', async (t) => {
    const { files, other, url, port, metrics } = await served(t);
    assert.equal(url, `https://127.0.0.1:${port}`);
    const live = `${url}/health/live`;
    // Whoever has the certificate itself needs no name in it.
    const answer = await httpsFetch(() => trustingOnly(read(files.certificate)))(live, closing);
    assert.deepEqual([answer.status, await answer.json()], [200, { status: 'live' }]);
    assert.equal(answer.headers.get('strict-transport-security'), 'max-age=31536000');
    const byAuthority = httpsFetch(() => ({ ca: read(files.certificate) }));
    await assert.rejects(byAuthority(live, closing), TypeError);
    await assert.rejects(httpsFetch(() => trustingOnly(read(other.certificate)))(live, closing), TypeError);
    await assert.rejects(fetch(live, closing), TypeError);
    await assert.rejects(fetch(live.replace('https:', 'http:'), closing), TypeError);
    const expires = /^millrace_http_certificate_expires_seconds (\d+)/m.exec(await metrics.render());
    const days = (Number(expires?.[1]) * 1_000 - Date.now()) / DAY_MS;
    assert.ok(days > 1.9 && days <= 2, `${days}`);
  });

  it('uses what replaces its files for new connections, once it belongs together', async (t) => {
    const { files, other, port, logged, untilLogged, certificate } = await served(t);
    const [before, after] = [fingerprintOf(files.certificate), fingerprintOf(other.certificate)];
    copyFileSync(other.certificate, files.certificate);
    await untilLogged(1);
    await setTimeout(10 * LOOK_EVERY_MS);
    assert.equal(logged.length, 1, 'one line, however often the files are looked at');
    assert.match(logged[0] as string, /http\.tlsKey cannot be used: .*key\.pem is not the key of/);
    assert.equal(await shownAt(port), before);
    copyFileSync(other.key, files.key);
    await untilLogged(2);
    assert.match(logged[1] as string, /was renewed/);
    assert.equal(await shownAt(port), after);
    assert.equal(certificate.contents.certificate, read(other.certificate));
    rmSync(files.key);
    await untilLogged(3);
    assert.match(logged[2] as string, /key\.pem cannot be read \(ENOENT\)/);
    assert.equal(await shownAt(port), after);
  });

  it('is asked again while its certificate and the one that is trusted differ, for as long as a renewal takes', async (t) => {
    const { files, other, url } = await served(t);
    const live = `${url}/health/live`;
    const seen = [other.certificate, 'no file', other.certificate, files.certificate];
    const following = httpsFetch(() => trustingOnly(read(seen.shift() as string)), { renewalMs: 300_000 });
    assert.equal((await following(live, closing)).status, 200);
    assert.deepEqual(seen, []);
    const never = httpsFetch(() => trustingOnly(read(other.certificate)), { renewalMs: 1 });
    await assert.rejects(never(live, closing), TypeError);
    let attempts = 0;
    const unreachable = httpsFetch(
      () => {
        attempts += 1;
        return trustingOnly(read(files.certificate));
      },
      { renewalMs: 300_000 },
    );
    const nobody = `https://127.0.0.1:${await freePort()}`;
    await assert.rejects(unreachable(nobody, closing), TypeError);
    assert.equal(attempts, 1, 'no renewal mends a refused connection');
  });

  it('answers on connections that have the certificate before', async (t) => {
    const { files, other, url, logged } = await served(t);
    const first = read(files.certificate);
    const trusted = httpsFetch(() => trustingOnly(first));
    assert.equal((await trusted(`${url}/health/live`)).status, 200);
    copyFileSync(other.key, files.key);
    copyFileSync(other.certificate, files.certificate);
    await eventually(() => logged.some((line) => line.includes('was renewed')));
    assert.equal((await trusted(`${url}/health/live`)).status, 200);
  });
});

describe('a certificate that cannot be used', () => {
  type Files = { readonly certificate: string; readonly key: string; readonly authority?: string };
  const open = (files: Files, clock = systemClock) => {
    const logger = createLogger({ level: 'silent', name: 'test' });
    ServedCertificate.open(files, { clock, logger, metrics: createMetrics() }).close();
  };
  const refused = (option: string, problem: RegExp) => (error: Error & { code?: string }) => {
    assert.equal(error.code, 'MR_HTTP_CERTIFICATE');
    assert.ok(error.message.startsWith(`Option ${option} cannot be used: `), error.message);
    assert.match(error.message, problem);
    return true;
  };

  it('is refused by the option that is wrong', async (t) => {
    const directory = temporaryDirectory(t);
    const files = await makeCertificate(directory);
    const other = await makeCertificate(directory, { prefix: 'other-' });
    const text = join(directory, 'text.pem');
    writeFileSync(text, 'no certificate');
    const missing = join(directory, 'missing.pem');
    open(files);
    open({ ...files, authority: other.certificate });
    const { certificate } = files;
    assert.throws(() => open({ ...files, certificate: missing }), refused('http.tlsCertificate', /ENOENT/));
    assert.throws(
      () => open({ ...files, certificate: text }),
      refused('http.tlsCertificate', /no certificate/),
    );
    assert.throws(() => open({ ...files, key: text }), refused('http.tlsKey', /no private key/));
    assert.throws(() => open({ ...files, key: certificate }), refused('http.tlsKey', /no private key/));
    assert.throws(() => open({ certificate, key: other.key }), refused('http.tlsKey', /is not the key of/));
    assert.throws(() => open({ ...files, authority: text }), refused('http.tlsAuthority', /no certificate/));
    assert.throws(() => open({ ...files, authority: directory }), refused('http.tlsAuthority', /EISDIR/));
    // Root reads everything.
    if (process.getuid?.() === 0) return;
    chmodSync(files.key, 0);
    assert.throws(() => open(files), refused('http.tlsKey', /EACCES/));
  });

  it('is refused before it is valid, and from its expiry on', async (t) => {
    const files = await makeCertificate(temporaryDirectory(t));
    const { validFromDate, validToDate } = new X509Certificate(read(files.certificate));
    const at = (ms: number) => open(files, new ManualClock(ms));
    at(validFromDate.getTime());
    at(validToDate.getTime() - 1);
    assert.throws(() => at(validFromDate.getTime() - 1), refused('http.tlsCertificate', /not valid before/));
    assert.throws(() => at(validToDate.getTime()), refused('http.tlsCertificate', /expired at/));
  });
});
