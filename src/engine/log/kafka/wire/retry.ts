import { logClosed } from '../../errors.ts';
import type { Cluster } from './cluster.ts';
import { isPassing as passing, translatedError, unavailable } from './kafka-errors.ts';

const FIRST_MS = 20;
const LONGEST_MS = 1_000;

export type RetryOptions = {
  /** For how long to try, ms. */
  readonly timeoutMs?: number;
  readonly isPassing?: (error: unknown) => boolean;
  /** What to do before the next try: forget a coordinator, ask for metadata. */
  readonly before?: (error: unknown) => void | Promise<void>;
  /** The first pause, ms. */
  readonly firstMs?: number;
  /** For messages: what is being done. */
  readonly what?: string;
};

/**
 * Repeats `operation` while it fails for a passing reason, with exponential back-off and jitter. Errors: MR_LOG_UNAVAILABLE
 * when time is up, MR_LOG_CLOSED when the cluster is closed meanwhile; any other of the operation's as it is, except a refused
 * login or right, which is MR_KAFKA_LOGIN or MR_KAFKA_FORBIDDEN.
 */
export async function retrying<T>(
  cluster: Cluster,
  operation: () => Promise<T>,
  {
    timeoutMs = 60_000,
    isPassing = passing,
    before,
    firstMs = FIRST_MS,
    what = 'a request',
  }: RetryOptions = {},
): Promise<T> {
  const { clock } = cluster;
  const until = clock.monotonic() + timeoutMs;
  for (let waitMs = firstMs; ; waitMs = Math.min(LONGEST_MS, waitMs * 2)) {
    if (cluster.closed) throw logClosed();
    let failure: unknown;
    try {
      return await operation();
    } catch (error) {
      failure = error;
    }
    if (cluster.closed) throw logClosed();
    if (!isPassing(failure)) throw refusal(failure, what);
    const remainingMs = until - clock.monotonic();
    if (remainingMs <= 0) throw unavailable(what, failure);
    await clock.sleep(Math.min(remainingMs, waitMs * (0.5 + cluster.random())), cluster.signal);
    if (before !== undefined) await before(failure);
  }
}

/** Refused logins and rights mean the same to every caller; the other refusals are theirs to understand. */
function refusal(error: unknown, what: string): unknown {
  const translated = translatedError(error, what);
  const code = (translated as { code?: unknown }).code;
  return code === 'MR_KAFKA_LOGIN' || code === 'MR_KAFKA_FORBIDDEN' ? translated : error;
}
