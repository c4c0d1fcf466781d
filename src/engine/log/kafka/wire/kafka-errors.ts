import {
  GenericError,
  MultipleErrors,
  type ProtocolError,
  protocolErrors,
  protocolErrorsCodesById,
} from '@platformatic/kafka';
import { ConfigurationError, FatalError, RetryableError } from '#platform';

/** A refusal of a broker that our own parsers found in a response. */
export class BrokerError extends Error {
  /** Kafka's name of the error, `NOT_LEADER_OR_FOLLOWER`. */
  readonly apiName: string;

  constructor(code: number, context: string) {
    super(`${context}: ${codeName(code)}`);
    this.name = 'BrokerError';
    this.apiName = codeName(code);
  }
}

/** Kafka's name of an error's code. */
export function codeName(code: number): string {
  return (protocolErrorsCodesById as Readonly<Record<number, string>>)[code] ?? `UNKNOWN_ERROR_${code}`;
}

/** Kafka's name of the first refusal in an error; undefined when no broker has refused anything. */
export function errorName(error: unknown): string | undefined {
  if (error instanceof BrokerError) return error.apiName;
  if (!(error instanceof Error) || !GenericError.isGenericError(error)) return undefined;
  if (MultipleErrors.isMultipleErrors(error)) {
    for (const each of error.errors) {
      const name = errorName(each);
      if (name !== undefined) return name;
    }
    return undefined;
  }
  return (error as ProtocolError).apiId as string | undefined;
}

/** Refusals that Kafka itself calls retriable, which some of the library's tables are not complete on. */
const passing: ReadonlySet<string> = new Set([
  ...Object.values(protocolErrors).flatMap(({ id, canRetry }) => (canRetry ? [id] : [])),
  'CONCURRENT_TRANSACTIONS',
  'COORDINATOR_LOAD_IN_PROGRESS',
  'COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_OR_FOLLOWER',
  'FENCED_LEADER_EPOCH',
  'UNKNOWN_LEADER_EPOCH',
  'REQUEST_TIMED_OUT',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
  'KAFKA_STORAGE_ERROR',
  'NOT_CONTROLLER',
  'UNSTABLE_OFFSET_COMMIT',
]);

const lost: ReadonlySet<string> = new Set([
  'PLT_KFK_NETWORK',
  'PLT_KFK_TIMEOUT',
  'PLT_KFK_UNEXPECTED_CORRELATION_ID',
]);

/** Whether the same request may succeed later: the connection was lost, or the broker says so. */
export function isPassing(error: unknown): boolean {
  const name = errorName(error);
  return name === undefined ? isLost(error) : passing.has(name);
}

/** Whether the request's fate is unknown: the connection failed before there was an answer. */
export function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || refusedLogin(error)) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isLost);
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return (typeof code === 'string' && lost.has(code)) || typeof syscall === 'string';
}

/** Whether the broker's login or its certificate is what failed: asking again can't help. */
function refusedLogin(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return refusedLogin(error.cause);
  return (
    code === 'PLT_KFK_AUTHENTICATION' ||
    /^(ERR_TLS|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|ERR_SSL)/.test(code) ||
    refusedLogin(error.cause)
  );
}

const forbidden: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
]);

/** What every caller translates alike; anything else as it is. */
export function translatedError(error: unknown, what: string): unknown {
  const name = errorName(error);
  const cause = error;
  if (name !== undefined && forbidden.has(name)) {
    return new ConfigurationError('MR_KAFKA_FORBIDDEN', `${what}: Kafka refuses with ${name}`, {
      hint: 'grant the user the right that is missing, with kafka-acls',
      cause,
    });
  }
  if (refusedLogin(error)) {
    const reason = error instanceof Error ? error.message : String(error);
    return new ConfigurationError('MR_KAFKA_LOGIN', `${what}: Kafka can't be logged in to: ${reason}`, {
      hint: 'check user, password, mechanism and certificates in the address of the log',
      cause,
    });
  }
  if (name === undefined) return error;
  if (passing.has(name)) return unavailable(what, cause);
  return new FatalError('MR_KAFKA_REFUSED', `${what}: Kafka refuses with ${name}`, {
    hint: "look the name up in Kafka's list of protocol errors, and at the broker's log",
    cause,
  });
}

export function unavailable(what: string, cause?: unknown): RetryableError {
  const name = errorName(cause) ?? (cause instanceof Error ? cause.message : undefined);
  return new RetryableError(
    'MR_LOG_UNAVAILABLE',
    `${what}: Kafka does not answer${name === undefined ? '' : ` (${name})`}`,
    {
      hint: 'see that the brokers run and can be reached; the call may be tried again',
      cause,
    },
  );
}
