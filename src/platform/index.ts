/**
 * The ground that every other room stands on: error classes with stable codes, the clock, back-off, varints, configuration,
 * addresses, logging, metrics, progress bars, orderly shutdown, failpoints, durable files, and the lock of a data directory.
 *
 * It promises that nothing here knows the domain, that an error says what its reader can do about it, and that
 * no state is shared between two loggers, registries or shutdowns. The packages zod, pino, prom-client, fastify and
 * cli-progress stay behind this door. What tests share is in `#platform/testing`;
 * reading the configuration is in `#platform/configuration`, so that a worker thread need not load zod.
 */
export { type Credentials, credentialsOf, readAuthorities, refuseOtherParameters } from './address.ts';
export { withAdminToken } from './admin-token.ts';
export { Backoff, type BackoffOptions, backoffMs } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export type { ConfigurationOption, DeclaredOption } from './configuration.ts';
export { type DirectoryLock, inspectLock, type LockInspection, lockDirectory } from './directory-lock.ts';
export { diskFull, freeBytes, namingFullDisk } from './disk-space.ts';
export type { CodeFor, ErrorCodes } from './error-codes.ts';
export {
  type CodesOf,
  type ErrorDescription,
  fixConfiguration,
  fixInput,
  giveUp,
  type Remedy,
  retry,
} from './error-declaration.ts';
export {
  ConfigurationError,
  type ErrorDetails,
  errorCode,
  FatalError,
  InputError,
  InvariantError,
  invariant,
  MillraceError,
  RetryableError,
  relayed,
} from './errors.ts';
export {
  armFailpoints,
  disarmFailpoints,
  failpoint,
  hitFailpoints,
  recordFailpoints,
  watchFailpoints,
} from './failpoints.ts';
export {
  type Fingerprint,
  fileProblem,
  fingerprint,
  ifThere,
  namesIn,
  PARTIAL_PREFIX,
  removePartial,
  replaceDurably,
  sync,
  writeDurably,
} from './files.ts';
export { hashBytes } from './hash-bytes.ts';
export {
  type Admit,
  createHttpServer,
  type HttpReply,
  type HttpRequest,
  type HttpServer,
  type HttpServerOptions,
  traceparentOf,
} from './http.ts';
export { describeError, type ErrorBody, sendProblem, statusOf } from './http-errors.ts';
export { allowedHosts } from './http-host.ts';
export { inPasses } from './in-passes.ts';
export { createLogger, hashUser, type Logger, type LogLevel } from './logger.ts';
export {
  type Counter,
  createMetrics,
  type Gauge,
  type Histogram,
  type Metrics,
  type MetricValues,
  renderTogether,
} from './metrics.ts';
export {
  createProgress,
  type DrawnProgress,
  type Progress,
  type ProgressOptions,
  type ProgressStep,
  progressStyle,
} from './progress.ts';
export { Shutdown } from './shutdown.ts';
export { integrityProblem } from './sqlite-integrity.ts';
export { type Answer, type Answers, HandedOver, PendingCalls, type Reply } from './threads/calls.ts';
export { type Failure, toError, toFailure } from './threads/failure.ts';
export { type ServedThread, type Service, serveCalls, serveThread } from './threads/serve.ts';
export { startWorker, Thread, type ThreadLink } from './threads/thread.ts';
export { importUserModule } from './user-module.ts';
export {
  readUnsigned,
  readVarint,
  readVarlong,
  unsignedBytes,
  varintBytes,
  varintEnd,
  varlongBytes,
  writeUnsigned,
  writeVarint,
  writeVarlong,
} from './varint.ts';
