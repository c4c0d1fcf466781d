import assert from 'node:assert/strict';
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { eventually } from '#platform/testing';
import { kafkaServer, registryServer } from '#servers';
import { commandLine, smallWorld } from '../testing/command-line.ts';

it('a second start on the same Kafka says what it lacks, and serves the version once its files are there', {
  timeout: 600_000,
}, async (t) => {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  if (kafka === undefined || registry === undefined) return;
  const prefix = `second-${process.pid}-`;
  const { begin, directory } = commandLine(t, {
    ...smallWorld,
    log: `${kafka.url}?prefix=${prefix}`,
    registry: `${registry.url}?prefix=${prefix}`,
  });
  const first = begin(['start', '--json']);
  const [, version = ''] = await first.until(/"version":"([0-9a-f]{16})"/);

  const second = begin(['start', '--data', join(directory, 'second')]);
  await second.until(new RegExp(`Version ${version} cannot be served: .*another data directory trained it`));
  await second.until(/World +none: kafka:\/\/[^ ]+ holds data already, from another data directory/);
  const [, url] = await second.until(/Serving +(http:\S+),/);
  const served = async () => {
    const response = await fetch(`${url}/recommend/u1?k=3`);
    return ((await response.json()) as { version: string | null }).version;
  };
  assert.equal(await served(), null);
  cpSync(join(directory, '.millrace/versions'), join(directory, 'second/versions'), { recursive: true });
  await eventually(async () => (await served()) === version);
  assert.equal((await second.signal('SIGTERM')).code, 0);
  assert.equal((await first.signal('SIGTERM')).code, 0);
});
