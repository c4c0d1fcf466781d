import type { TestContext } from 'node:test';
import { openLog } from '#log';
import { createLogger, systemClock } from '#platform';
import { kafkaServer, registryServer } from '#servers';
import { loadConfiguration } from '#service/configuration';
import { commandLine } from './command-line.ts';

/** A command line whose log is on the shared Kafka under names of its own, and that log; undefined where the test is skipped. */
export async function kafkaLine(t: TestContext, name: string) {
  const kafka = await kafkaServer(t);
  const registry = await registryServer(t);
  if (kafka === undefined || registry === undefined) return undefined;
  const prefix = `${name}-${process.pid}-`;
  const flags = { log: `${kafka.url}?prefix=${prefix}`, registry: `${registry.url}?prefix=${prefix}` };
  const line = commandLine(t, flags);
  const configuration = loadConfiguration({ flags, environment: {}, directory: line.directory });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const opened = await openLog(configuration, { clock: systemClock, random: Math.random, logger });
  t.after(() => opened.close());
  return { line, opened };
}
