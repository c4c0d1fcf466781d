import {
  AuthenticationError,
  GenericError,
  MultipleErrors,
  NetworkError,
  type ProtocolError,
  protocolErrors,
  protocolErrorsCodesById,
  ResponseError,
  UserError,
} from '@platformatic/kafka';
import { ConfigurationError, FatalError, MillraceError, RetryableError } from '#platform';

/** A refusal of a broker that our own parsers found in a response, or one that it would have given. */
export class BrokerError extends Error {
  /** Kafka's name of the error, `NOT_LEADER_OR_FOLLOWER`. */
  readonly apiName: string;

  /** `refusal`: Kafka's code or name of it. */
  constructor(refusal: number | string, context: string) {
    const name = typeof refusal === 'number' ? codeName(refusal) : refusal;
    super(`${context}: ${name}`);
    this.name = 'BrokerError';
    this.apiName = name;
  }
}

/** Kafka's name of an error's code. */
export function codeName(code: number): string {
  return (protocolErrorsCodesById as Readonly<Record<number, string>>)[code] ?? `UNKNOWN_ERROR_${code}`;
}

/**
 * Kafka's name of the first refusal in an error; undefined when no broker has refused anything. Where one partition is
 * refused, others are 'not attempted': that is no reason.
 */
export function errorName(error: unknown): string | undefined {
  if (error instanceof BrokerError) return error.apiName;
  if (!(error instanceof Error) || !GenericError.isGenericError(error)) return undefined;
  if (MultipleErrors.isMultipleErrors(error)) {
    const names = error.errors.map(errorName).filter((name) => name !== undefined);
    return names.find((name) => name !== 'OPERATION_NOT_ATTEMPTED') ?? names[0];
  }
  return (error as ProtocolError).apiId as string | undefined;
}

/** What the broker has said beside the name of a refusal. */
export function brokersWords(error: unknown): string | undefined {
  if (!(error instanceof ResponseError)) return undefined;
  const [{ serverErrorMessage } = {}] = error.errors as { serverErrorMessage?: string | null }[];
  return serverErrorMessage ?? undefined;
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
  // Not in Kafka's table: a broker that has not made itself known yet, or that is shut down and led or coordinated until then.
  'BROKER_NOT_AVAILABLE',
  // Answers a request sent in the middle of a re-authentication.
  'ILLEGAL_SASL_STATE',
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
function isLost(error: unknown): boolean {
  if (!(error instanceof Error) || loginRefusal(error) !== undefined) return false;
  if (error instanceof AggregateError) return error.errors.length > 0 && error.errors.every(isLost);
  const { code, syscall } = error as { code?: unknown; syscall?: unknown };
  return (typeof code === 'string' && lost.has(code)) || typeof syscall === 'string';
}

/**
 * Whether the broker has closed a connection without a word. It does so when it is stopped, and to whoever speaks to it in
 * the clear where it wants TLS, or the other way round, or without the login that it wants.
 */
export function isShutOut(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  // A handshake that was cut off.
  if (error instanceof UserError || (error as { code?: unknown }).code === 'ECONNRESET') return true;
  if (error instanceof NetworkError) return error.cause === undefined || isShutOut(error.cause);
  return error instanceof AuthenticationError && isShutOut(error.cause);
}

const refusedLogins: ReadonlySet<string | undefined> = new Set([
  'SASL_AUTHENTICATION_FAILED',
  'UNSUPPORTED_SASL_MECHANISM',
  'ILLEGAL_SASL_STATE',
]);

/** Why the broker's login or its certificate has failed, where asking again can't help; undefined where it is not that. */
function loginRefusal(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const { code, cause } = error as { code?: unknown; cause?: unknown };
  if (error instanceof UserError && cause === undefined) return 'they speak TLS at this address';
  const isOfTls =
    typeof code === 'string' && /^(ERR_TLS|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_|ERR_SSL)/.test(code);
  if (isOfTls) return error.message;
  if (!(error instanceof AuthenticationError)) return loginRefusal(cause);
  // It can't prove that it knows the password.
  if (cause === undefined) return error.message;
  if (cause instanceof ResponseError && refusedLogins.has(errorName(cause))) return saslReason(cause);
  // Else it was lost on the way.
  return loginRefusal(cause);
}

function saslReason({ response }: ResponseError): string {
  const { errorMessage, mechanisms } = response as {
    errorMessage?: string | null;
    mechanisms?: readonly string[];
  };
  if (mechanisms === undefined) return errorMessage ?? 'the login has failed';
  return mechanisms.length === 0 ? 'they require no login' : `they offer ${mechanisms.join(', ')}`;
}

const forbidden: ReadonlySet<string> = new Set([
  'TOPIC_AUTHORIZATION_FAILED',
  'GROUP_AUTHORIZATION_FAILED',
  'CLUSTER_AUTHORIZATION_FAILED',
  'TRANSACTIONAL_ID_AUTHORIZATION_FAILED',
]);

/** What every caller translates alike; anything else, and what is an error of ours, as it is. */
export function translatedError(error: unknown, what: string): unknown {
  if (error instanceof MillraceError) return error;
  const name = errorName(error);
  const cause = error;
  if (name !== undefined && forbidden.has(name)) {
    return new ConfigurationError('MR_KAFKA_FORBIDDEN', `${what}: Kafka refuses with ${name}`, {
      hint: 'grant the user the missing permission with kafka-acls',
      cause,
    });
  }
  const reason = loginRefusal(error);
  if (reason !== undefined)
    return loginRefused(`${what}: the brokers reject the connection: ${reason}`, cause);
  if (name === undefined) return error;
  if (passing.has(name)) return unavailable(what, cause);
  const text = brokersWords(error);
  const words = text === undefined ? '' : ` (${text})`;
  return new FatalError('MR_KAFKA_REFUSED', `${what}: Kafka refuses with ${name}${words}`, {
    hint: "look up the name in Kafka's list of protocol errors, and look at the broker's log",
    cause,
  });
}

export function loginRefused(message: string, cause: unknown): ConfigurationError {
  return new ConfigurationError('MR_KAFKA_LOGIN', message, {
    hint: 'check user, password, mechanism (sasl) and certificates (tls, ca) in the address of the log',
    cause,
  });
}

export function unavailable(what: string, cause?: unknown): RetryableError {
  const reason = cause === undefined ? '' : ` (${reasonOf(cause)})`;
  return new RetryableError('MR_LOG_UNAVAILABLE', `${what}: Kafka does not respond${reason}`, {
    hint: 'check that the brokers run and are reachable; the call may be retried',
    cause,
  });
}

/** What lies at the bottom of an error, in a few words. */
export function reasonOf(error: unknown): string {
  const name = errorName(error);
  if (name !== undefined) return name;
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  if (!(error instanceof Error)) return 'no answer';
  return error.cause instanceof Error ? reasonOf(error.cause) : error.message;
}
