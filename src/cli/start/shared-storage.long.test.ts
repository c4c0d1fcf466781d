import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { kafkaServer, registryServer, s3Server } from '#servers';
import { optionsAt } from '#storage/testing';
import { commandLine, smallWorld } from '../testing/command-line.ts';

it('a start with an empty data directory serves the version in force from the object store', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  const s3 = await s3Server(t);
  if (kafka === undefined || registry === undefined || s3 === undefined) return;
  const prefix = `storage-${process.pid}-`;
  const { begin, directory } = commandLine(t, {
    ...smallWorld,
    log: `${kafka.url}?prefix=${prefix}`,
    registry: `${registry.url}?prefix=${prefix}`,
    storage: `s3://${await s3.bucket()}/millrace`,
    objectStore: optionsAt(s3.url),
  });
  const first = begin(['start', '--json']);
  const [, version = ''] = await first.until(/"version":"([0-9a-f]{16})"/);
  assert.equal((await first.signal('SIGTERM')).code, 0);

  const second = begin(['start', '--json', '--data', join(directory, 'second')]);
  const [, url] = await second.until(/"url":"(http[^"]*)"/);
  const response = await fetch(`${url}/recommend/u1?k=3`);
  assert.equal(((await response.json()) as { version: string | null }).version, version);
  assert.ok(existsSync(join(directory, 'second/versions', version)), 'a copy');
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /^millrace_storage_copies_bytes [1-9]/m);
  const { code, err } = await second.signal('SIGTERM');
  assert.deepEqual([code, err.includes('secret-of-the-test')], [0, false]);
});
