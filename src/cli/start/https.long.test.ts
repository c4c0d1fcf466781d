import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { httpsFetch, trustingOnly } from '#platform';
import { eventually } from '#platform/testing';
import { makeCertificate } from '#servers';
import { commandLine, smallWorld } from '../testing/command-line.ts';

it('start serves HTTPS to its agents, to commands and to others, and takes a new certificate while it runs', {
  timeout: 600_000,
}, async (t) => {
  const { directory, begin, run } = commandLine(t);
  // For a name that nothing on this machine has.
  const files = await makeCertificate(directory, { names: 'DNS:shop.example' });
  const next = await makeCertificate(directory, { prefix: 'next-' });
  const http = { port: 0, tlsCertificate: files.certificate, tlsKey: files.key };
  const simulation = { ...smallWorld.simulation, liveEventsPerSecond: 20 };
  const recommend = { deadlineMs: 30_000 };
  writeFileSync(
    join(directory, 'millrace.config.json'),
    JSON.stringify({ ...smallWorld, recommend, http, simulation }),
  );

  const start = begin(['start']);
  const [, url = ''] = await start.until(/^Serving +(https:\/\/127\.0\.0\.1:\d+)/m);
  const trusted = httpsFetch(() => trustingOnly(readFileSync(files.certificate, 'utf8')));
  const ask = async (path: string) =>
    (await trusted(url + path, { headers: { connection: 'close' } })).text();
  assert.match(await ask('/recommend/u1'), /"items":\[\{/);
  const command = await run(['recommend', 'u1', '-k', '2']);
  assert.equal(command.code, 0, command.err);
  // Agents react to answers that they requested.
  await eventually(async () => /^millrace_simulator_events_total\S* [1-9]/m.test(await ask('/metrics')));

  copyFileSync(next.key, files.key);
  copyFileSync(next.certificate, files.certificate);
  await start.until(/the certificate of the HTTP server was renewed/);
  const renewed = await run(['recommend', 'u1', '-k', '2']);
  assert.equal(renewed.code, 0, renewed.err);
  assert.match(await ask('/health/live'), /live/);
  const { code, err } = await start.signal('SIGINT');
  assert.equal(code, 0);
  assert.doesNotMatch(err, /could not publish/);
});

it('start refuses a certificate that cannot be used, and names the option', async (t) => {
  const { directory, run } = commandLine(t);
  const missing = join(directory, 'missing.pem');
  const refused = await run([
    'start',
    '--set',
    `http.tlsCertificate=${missing}`,
    '--set',
    `http.tlsKey=${missing}`,
  ]);
  assert.equal(refused.code, 2);
  assert.match(refused.err, /MR_HTTP_CERTIFICATE|http\.tlsCertificate cannot be used: .*missing\.pem/);
  const half = await run(['start', '--set', `http.tlsKey=${missing}`]);
  assert.equal(half.code, 2);
  assert.match(half.err, /http\.tlsCertificate or http\.tlsKey is missing/);
});
