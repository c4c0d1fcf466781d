import { apiVersionsV3, metadataV12 } from '@platformatic/kafka';
import { ConfigurationError, errorCode, RetryableError } from '#platform';
import type { Cluster } from './cluster.ts';
import { isPassing, isShutOut, loginRefused } from './kafka-errors.ts';
import { retrying } from './retry.ts';

/** For how long a client that starts waits for a broker that answers, ms. */
const CONTACT_TIMEOUT_MS = 30_000;
/** A broker that closes connections for this long, ms, is not just being stopped: it does not like what it hears. */
const SHUT_OUT_MS = 2_000;
/** Of Kafka 3.7. */
const FETCH = 1;
const FETCH_VERSION = 16;

/**
 * Talks to a broker for the first time, so that a wrong address, login or version is found at once and called by its name.
 * Errors: MR_KAFKA_LOGIN, MR_KAFKA_VERSION, MR_LOG_UNAVAILABLE.
 */
export async function firstContact(cluster: Cluster): Promise<void> {
  const { clock, options } = cluster;
  const addresses = options.brokers.map(({ host, port }) => `${host}:${port}`).join(', ');
  let shutOutSince: number | undefined;
  const passes = (error: unknown) => {
    shutOutSince = isShutOut(error) ? (shutOutSince ?? clock.monotonic()) : undefined;
    return isPassing(error) && clock.monotonic() - (shutOutSince ?? Infinity) < SHUT_OUT_MS;
  };
  try {
    await retrying(cluster, () => greet(cluster), {
      what: `connecting to Kafka at ${addresses}`,
      timeoutMs: CONTACT_TIMEOUT_MS,
      isPassing: passes,
    });
  } catch (error) {
    if (isShutOut(error)) {
      const without = options.tls === undefined ? 'in the clear' : 'by TLS';
      throw loginRefused(
        `${addresses}: the broker closes each connection that is made ${without}, ${options.sasl === undefined ? 'without' : 'with'} a login`,
        error,
      );
    }
    if (errorCode(error) !== 'MR_LOG_UNAVAILABLE' || !(error instanceof Error)) throw error;
    const reason = error.cause instanceof Error ? reasonOf(error.cause) : error.message;
    const seconds = CONTACT_TIMEOUT_MS / 1000;
    throw new RetryableError('MR_LOG_UNAVAILABLE', `no broker at ${addresses} has answered in ${seconds} s: ${reason}`, {
      hint: 'see that the address of the log is right, and that the brokers run and can be reached from here',
      cause: error.cause,
    });
  }
}

async function greet(cluster: Cluster): Promise<void> {
  const connection = await cluster.anyBroker();
  const { apiKeys } = await apiVersionsV3.api.async(connection, 'millrace', '1');
  const newest = apiKeys.find(({ apiKey }) => apiKey === FETCH)?.maxVersion ?? 0;
  if (newest < FETCH_VERSION) throw tooOld(connection.host ?? '');
  // Brokers tell their versions to everyone; this they tell to whom they let in.
  await metadataV12.api.async(connection, [], false, false);
}
