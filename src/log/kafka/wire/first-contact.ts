import { apiVersionsV3, metadataV12 } from '@platformatic/kafka';
import { ConfigurationError, errorCode, RetryableError } from '#platform';
import type { Cluster } from './cluster.ts';
import { isPassing, isShutOut, loginRefused, reasonOf } from './kafka-errors.ts';
import type { KafkaOptions } from './kafka-options.ts';
import { retrying } from './retry.ts';

/** For how long a client that starts waits for a broker that answers, ms. */
const CONTACT_TIMEOUT_MS = 30_000;
/**
 * Who has closed every connection for so long, ms, is no broker that is just being stopped, nor a proxy before one that is just
 * being started: it does not like what it hears.
 */
const SHUT_OUT_MS = 10_000;

type Api = { readonly apiKey: number; readonly maxVersion: number };

const FETCH = 1;
/** From Kafka 3.7, which supports the other requests as well. */
const FETCH_VERSION = 16;

/**
 * Talks to a broker for the first time, so that a wrong address, login or version is found at once and called by its name.
 * Errors: MR_KAFKA_LOGIN, MR_KAFKA_VERSION, MR_LOG_UNAVAILABLE.
 */
export async function firstContact(cluster: Cluster): Promise<void> {
  const { clock, options } = cluster;
  let shutOutSince: number | undefined;
  const passes = (error: unknown) => {
    if (!isShutOut(error)) shutOutSince = undefined;
    else shutOutSince ??= clock.monotonic();
    const isOver = shutOutSince !== undefined && clock.monotonic() - shutOutSince >= SHUT_OUT_MS;
    return !isOver && isPassing(error);
  };
  try {
    const what = 'connecting';
    await retrying(cluster, () => greet(cluster), { what, timeoutMs: CONTACT_TIMEOUT_MS, isPassing: passes });
  } catch (error) {
    if (isShutOut(error)) throw shutOut(options, error);
    throw errorCode(error) === 'MR_LOG_UNAVAILABLE' ? unreached(options, error as Error) : error;
  }
}

/** Errors: MR_KAFKA_VERSION. */
export function checkVersions(apis: readonly Api[]): void {
  const newest = apis.find(({ apiKey }) => apiKey === FETCH)?.maxVersion ?? 0;
  if (newest >= FETCH_VERSION) return;
  throw new ConfigurationError('MR_KAFKA_VERSION', `the brokers are older than Kafka 3.7 (Fetch ${newest})`, {
    hint: 'use brokers of Apache Kafka 3.7 or newer',
  });
}

async function greet(cluster: Cluster): Promise<void> {
  const connection = await cluster.anyBroker();
  const { apiKeys } = await apiVersionsV3.api.async(connection, 'millrace', '1');
  checkVersions(apiKeys);
  // Versions they tell to everyone; this only to whom they have let in.
  await metadataV12.api.async(connection, [], false, false);
}

function shutOut(options: KafkaOptions, cause: unknown): Error {
  const { tls, sasl } = options;
  const spoken = `${tls === undefined ? 'not encrypted' : 'encrypted'}, ${sasl === undefined ? 'without a login' : `with a login by ${sasl.mechanism}`}`;
  return loginRefused(`${addresses(options)}: the broker ends every connection that is ${spoken}`, cause);
}

function unreached(options: KafkaOptions, { cause }: Error): Error {
  const message = `no broker at ${addresses(options)} responded within ${CONTACT_TIMEOUT_MS / 1000} s: ${reasonOf(cause)}`;
  return new RetryableError('MR_LOG_UNAVAILABLE', message, {
    hint: 'check the address of option log, and that the brokers run and are reachable from here',
    cause,
  });
}

const addresses = ({ brokers }: KafkaOptions) =>
  brokers.map(({ host, port }) => `${host}:${port}`).join(', ');
