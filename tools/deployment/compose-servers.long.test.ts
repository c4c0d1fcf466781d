/** What docker-compose.yml tells Kafka and the registry, told to the same versions of them without an engine. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { ownKafka, ownRegistry } from '#servers';

type Service = {
  readonly environment: Readonly<Record<string, string | number>>;
  readonly healthcheck: { readonly test: readonly string[] };
};

const file = join(import.meta.dirname, '../../docker-compose.yml');
const { services } = parse(readFileSync(file, 'utf8')) as { services: { kafka: Service; registry: Service } };

/** Where the image's own place in the network and on its disk stands: KafkaServer sets these for here. */
const ofThePlace = /listener|advertised|quorum\.voters|log\.dirs|node\.id|process\.roles/;

describe('docker-compose.yml', () => {
  it('tells Kafka and the registry what they understand', { timeout: 300_000 }, async (t) => {
    // The image makes a property of each variable so.
    const told = Object.entries(services.kafka.environment)
      .filter(([name]) => name.startsWith('KAFKA_') && name !== 'KAFKA_HEAP_OPTS')
      .map(
        ([name, value]) => [name.slice('KAFKA_'.length).toLowerCase().replaceAll('_', '.'), value] as const,
      );
    const properties = Object.fromEntries(told.filter(([name]) => !ofThePlace.test(name)));
    const kafka = await ownKafka(t, { properties });
    if (kafka === undefined) return;
    const described = await kafka.run('kafka-configs', [
      ...['--describe', '--all', '--entity-type', 'brokers', '--entity-name', '1'],
    ]);
    const known = new Map(
      Array.from(described.matchAll(/^ +([\w.]+)=(\S*) /gm), ([, name, value]) => [name, value]),
    );
    for (const [name] of told) assert.ok(known.has(name), name);
    for (const [name, value] of Object.entries(properties))
      assert.equal(known.get(name), String(value), name);

    const environment = Object.fromEntries(
      Object.entries(services.registry.environment).map(([name, value]) => {
        return [name, String(value).replace('kafka:9092', kafka.brokers)];
      }),
    );
    const registry = await ownRegistry(t, { environment });
    assert.ok(registry !== undefined);
    assert.match(await kafka.run('kafka-topics', ['--list']), /^kafkasql-journal$/m);

    const [kind, program = '', ...args] = services.registry.healthcheck.test;
    assert.equal(kind, 'CMD');
    const health = () => {
      const port = new URL(registry.url).port;
      return promisify(execFile)(
        program,
        args.map((each) => each.replace('/8080', `/${port}`)),
      );
    };
    await health();
    await registry.kill();
    await assert.rejects(health());
  });
});
