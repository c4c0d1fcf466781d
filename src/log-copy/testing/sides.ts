import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type Log,
  openEmbeddedLog,
  openLog,
  openSimulatedLog,
  type SchemaRegistry,
  type SimulatedLog,
} from '#log';
import { LOG_OPTIONS } from '#log/options';
import { createLogger, systemClock } from '#platform';
import { PLATFORM_OPTIONS, readOptions } from '#platform/configuration';
import { temporaryDirectory } from '#platform/testing';
import { kafkaServer, registryServer } from '#servers';
import type { CopyOptions } from '../copy-options.ts';
import { copyTopics } from '../copy-topics.ts';

export type Side = { readonly name: string; readonly log: Log; readonly registry: SchemaRegistry };

export async function embedded(t: TestContext): Promise<Side & { readonly clean: () => Promise<unknown> }> {
  const directory = join(temporaryDirectory(t), 'log');
  const log = await openEmbeddedLog({ directory, clock: systemClock, synchronous: 'normal' });
  t.after(() => log.close());
  return { name: 'embedded', log, registry: log.registry, clean: () => log.clean() };
}

/** With Kafka's gaps between offsets. */
export function simulated(t: TestContext): Side & { readonly log: SimulatedLog } {
  const log = openSimulatedLog({ clock: systemClock, random: () => 0, maxDelayMs: 0 });
  t.after(() => log.close());
  return { name: 'simulated', log, registry: log.registry };
}

let prefixes = 0;

/** A log of its own on a server. Undefined where the test is skipped. */
export async function onKafka(t: TestContext): Promise<Side | undefined> {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  if (kafka === undefined || registry === undefined) return undefined;
  const query = `prefix=copy-${process.pid}-${++prefixes}.`;
  const options = { ...PLATFORM_OPTIONS, ...LOG_OPTIONS };
  const configuration = readOptions(
    { options },
    {
      flags: { log: `${kafka.url}?${query}`, registry: `${registry.url}?${query}` },
      environment: {},
      directory: temporaryDirectory(t),
    },
  );
  const logger = createLogger({ level: 'error', name: 'test' });
  const opened = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
  t.after(() => opened.close());
  return { name: 'Kafka', log: opened.log, registry: opened.registry };
}

/** In small transactions. */
export function copy(from: Side, to: Side, options: Partial<CopyOptions> = {}) {
  return copyTopics({
    from: { ...from, identity: from.name },
    to: { ...to, expiresByWallClock: false },
    groups: [],
    clock: systemClock,
    signal: new AbortController().signal,
    onProgress: () => {},
    maxRecords: 5,
    ...options,
  });
}
