import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { createLogger, systemClock } from '#platform';
import { temporaryDirectory } from '#platform/testing';
import { kafkaServer } from '#servers';
import { type LogConfiguration, type OpenedLog, openLog } from './open-log.ts';

const logger = createLogger({ level: 'error', name: 'test' });

async function open(t: TestContext, options: Partial<LogConfiguration> = {}): Promise<OpenedLog> {
  const chosen = { data: join(temporaryDirectory(t), 'data'), log: 'embedded', registry: 'embedded' };
  const configuration = { ...chosen, kafka: {}, schemaRegistry: {}, ...options };
  const opened = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
  t.after(() => opened.close());
  return opened;
}

describe('the log that the configuration chooses', () => {
  it('is the embedded one with its registry by default, for other threads as well', async (t) => {
    const data = join(temporaryDirectory(t), 'data');
    const { log, registry, embedded, identity, expiresByWallClock } = await open(t, { data });
    assert.deepEqual({ identity, expiresByWallClock }, { identity: 'embedded', expiresByWallClock: false });
    const id = await registry.register('things-value', { type: 'record', name: 'Thing', fields: [] });
    const configuration = { data, log: 'embedded', registry: 'embedded', kafka: {}, schemaRegistry: {} };
    const connection = embedded?.connect();
    const environment = { clock: systemClock, random: Math.random, logger, connection };
    const another = await openLog(configuration, environment);
    assert.deepEqual(await another.registry.versions('things-value'), [id]);
    await another.close();
    await log.describeTopics();
  });

  it('is the one on Kafka, each prefix by itself, and nobody’s to clean', async (t) => {
    const kafka = await kafkaServer(t);
    if (kafka === undefined) return;
    const registry = 'http://127.0.0.1:1';
    const at = (query: string) => open(t, { log: `${kafka.url}?${query}`, registry });
    const [a, b] = [await at('prefix=open-a.'), await at('prefix=open-b.')];
    const again = await at('prefix=open-a.&retention=none');
    assert.match(a.identity, /^kafka-[0-9a-f]{12}$/);
    assert.notEqual(a.identity, b.identity);
    assert.equal(a.identity, again.identity);
    assert.deepEqual([a.expiresByWallClock, again.expiresByWallClock], [true, false]);
    assert.equal(a.embedded, undefined);
    assert.deepEqual(await a.log.describeTopics(), []);
  });

  it('loads no client for Kafka where there is none', async () => {
    const script = `
      import { registerHooks } from 'node:module';
      registerHooks({ load: (url, context, next) => (console.log(url), next(url, context)) });
      await import(${JSON.stringify(new URL('./index.ts', import.meta.url).href)});`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script]);
    assert.match(stdout, /embedded-log\.ts/);
    assert.doesNotMatch(stdout, /@platformatic/);
  });
});
