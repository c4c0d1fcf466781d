/**
 * Real servers for tests: Apache Kafka, a schema registry with Confluent's API, Redis, and an S3 server, each on a free port of
 * 127.0.0.1 with its data in a temporary directory. They are gone when the process that started them is, even after
 * kill -9.
 * Tests that use them run with MILLRACE_SERVERS=1, in which a server that can't be started is a failure, and are
 * skipped with a message otherwise. `npm run test:long` starts one of each for all test files; a test file run by itself starts what
 * it asks for. The shared ones are for tests that use names of their own; who kills or pauses a server takes an own one.
 */
export { type CertificatePaths, makeCertificate } from './certificate.ts';
export {
  guardedS3,
  kafkaServer,
  ownKafka,
  ownPrometheus,
  ownRedis,
  ownRegistry,
  redisServer,
  registryServer,
  type ServerTest,
  s3Server,
} from './for-tests.ts';
export type { KafkaBroker } from './kafka-broker.ts';
export type { KafkaServerOptions } from './kafka-preparation.ts';
export { KafkaServer } from './kafka-server.ts';
export { runKcat } from './kafka-tools.ts';
export type { PrometheusServer } from './prometheus-server.ts';
export { RedisServer, type RedisServerOptions } from './redis-server.ts';
export { RegistryServer } from './registry-server.ts';
export type { S3Server } from './s3-server.ts';
export { type SharedKafka, serversSkip, sharedKafka, sharedRegistry } from './shared.ts';
