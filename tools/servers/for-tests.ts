/** Servers for a test: it is skipped, with a message, if they are not requested. */
import type { KafkaServerOptions } from './kafka-preparation.ts';
import { KafkaServer } from './kafka-server.ts';
import { PrometheusServer } from './prometheus-server.ts';
import { RedisServer, type RedisServerOptions } from './redis-server.ts';
import { RegistryServer, type RegistryServerOptions } from './registry-server.ts';
import { S3Server, s3Skip } from './s3-server.ts';
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

/** A Prometheus that asks the process at `target` for its metrics; it goes when the test has ended. */
export function ownPrometheus(t: ServerTest, target: string): Promise<PrometheusServer | undefined> {
  return own(t, () => PrometheusServer.start(target));
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

let s3: Promise<S3Server> | undefined;
let guarded: ReturnType<typeof S3Server.startGuarded> | undefined;

/** This process's S3 server, or undefined when the test is skipped. Buckets are the test's own. */
export function s3Server(t: Pick<ServerTest, 'skip'>): Promise<S3Server | undefined> {
  return s3OrSkip(t, () => {
    s3 ??= S3Server.start();
    return s3;
  });
}

/** One that checks each signature, with a bucket that the tests of this process share, and the key to it. */
export function guardedS3(t: Pick<ServerTest, 'skip'>) {
  return s3OrSkip(t, () => {
    guarded ??= S3Server.startGuarded();
    return guarded;
  });
}

async function s3OrSkip<T>(t: Pick<ServerTest, 'skip'>, open: () => Promise<T>): Promise<T | undefined> {
  const skip = serversSkip || s3Skip;
  if (skip === false) return open();
  t.skip(skip);
  return undefined;
}
