/** Servers for a test: it is skipped, aloud, when they are not asked for. */
import type { KafkaServerOptions } from './kafka-preparation.ts';
import { KafkaServer } from './kafka-server.ts';
import { RedisServer, type RedisServerOptions } from './redis-server.ts';
import { RegistryServer, type RegistryServerOptions } from './registry-server.ts';
import {
  type SharedKafka,
  type SharedRedis,
  type SharedRegistry,
  serversSkip,
  sharedKafka,
  sharedRedis,
  sharedRegistry,
} from './shared.ts';

/** What is used of node:test's context. */
export type ServerTest = {
  skip(message?: string): void;
  after(cleanUp: () => Promise<void>): void;
};

/** The shared broker, or undefined when the test is skipped. Other tests use it at once: names must be the test's own. */
export function kafkaServer(t: Pick<ServerTest, 'skip'>): Promise<SharedKafka | undefined> {
  return orSkip(t, sharedKafka);
}

/** The shared registry, or undefined when the test is skipped. Other tests use it at once: subjects must be the test's own. */
export function registryServer(t: Pick<ServerTest, 'skip'>): Promise<SharedRegistry | undefined> {
  return orSkip(t, sharedRegistry);
}

/** The shared Redis, or undefined when the test is skipped. Other tests use it at once: keys must be the test's own. */
export function redisServer(t: Pick<ServerTest, 'skip'>): Promise<SharedRedis | undefined> {
  return orSkip(t, sharedRedis);
}

/** A Kafka for this test alone, to be killed and paused; it goes when the test has ended. */
export function ownKafka(t: ServerTest, options?: KafkaServerOptions): Promise<KafkaServer | undefined> {
  return own(t, () => KafkaServer.start(options));
}

/** A registry for this test alone, to be killed and paused; it goes when the test has ended. */
export function ownRegistry(
  t: ServerTest,
  options?: RegistryServerOptions,
): Promise<RegistryServer | undefined> {
  return own(t, () => RegistryServer.start(options));
}

/** A Redis for this test alone, to be killed and paused; it goes when the test has ended. */
export function ownRedis(t: ServerTest, options?: RedisServerOptions): Promise<RedisServer | undefined> {
  return own(t, () => RedisServer.start(options));
}

async function orSkip<T>(t: Pick<ServerTest, 'skip'>, open: () => Promise<T>): Promise<T | undefined> {
  if (serversSkip !== false) t.skip(serversSkip);
  return open();
}

async function own<T extends { stop(): Promise<void> }>(
  t: ServerTest,
  start: () => Promise<T>,
): Promise<T | undefined> {
  if (serversSkip !== false) {
    t.skip(serversSkip);
    return undefined;
  }
  const server = await start();
  t.after(() => server.stop());
  return server;
}
