/**
 * The ground that every other room stands on: error classes with stable codes, the clock, back-off, varints, configuration,
 * addresses, deadlines, logging, metrics, progress bars, TLS, traces, orderly shutdown, failpoints, durable files, and the lock of a data directory.
 *
 * It promises that nothing here knows the domain, that an error says what its reader can do about it, and that
 * no state is shared between two loggers, registries or shutdowns. The packages zod, pino, prom-client, fastify,
 * @fastify/cors, undici, OpenTelemetry's and cli-progress stay behind this door. What tests share is in `#platform/testing`;
 * reading the configuration is in `#platform/configuration`, so that a worker thread need not load zod.
 */
export { type Credentials, credentialsOf, readAuthorities, refuseOtherParameters } from './address.ts';
export type { Caller, Right } from './api/access.ts';
export { Backoff, type BackoffOptions, backoffMs } from './backoff.ts';
export { type Clock, systemClock } from './clock.ts';
export type { ConfigurationOption, DeclaredOption } from './configuration.ts';
export { Deadline, type InTime } from './deadline.ts';
export {
  type DirectoryLock,
  inspectLock,
  type LockInspection,
  lockDirectory,
  lockParts,
  unusableData,
} from './directory-lock.ts';
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
  makePrivateDirectory,
  namesIn,
  PARTIAL_PREFIX,
  removePartial,
  replaceDurably,
  sync,
  writeDurably,
} from './files.ts';
export { hashBytes } from './hash-bytes.ts';
export {
  createHttpServer,
  type HttpReply,
  type HttpRequest,
  type HttpRoutes,
  type HttpServer,
  type HttpServerOptions,
  showsCertificate,
} from './http.ts';
export {
  type AccessControl,
  anonymous,
  anonymousRights,
  isLocal,
  isLoopback,
  localAccess,
  tokenMissing,
} from './http-access.ts';
export { describeError, type ErrorBody, sendProblem, statusOf } from './http-errors.ts';
export { allowedHosts } from './http-host.ts';
export { traceparentOf } from './http-tracing.ts';
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
export { Slices } from './slices.ts';
export { sortNumbers } from './sort-numbers.ts';
export { integrityProblem } from './sqlite-integrity.ts';
export { type Answer, type Answers, HandedOver, PendingCalls, type Reply } from './threads/calls.ts';
export { type Failure, toError, toFailure } from './threads/failure.ts';
export { type ServedThread, type Service, serveCalls, serveThread } from './threads/serve.ts';
export { startWorker, Thread, type ThreadLink, type WorkerOptions } from './threads/thread.ts';
export {
  CERTIFICATE_RENEWAL_MS,
  type CertificateContents,
  type CertificateFiles,
  ServedCertificate,
} from './tls/certificate.ts';
export { asPeer, httpsFetch, trustingOnly } from './tls/https-fetch.ts';
export { openTracing, type TracingOptions } from './tracing/otlp.ts';
export type { Attributes, Span, SpanStart, Tracing } from './tracing/port.ts';
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
