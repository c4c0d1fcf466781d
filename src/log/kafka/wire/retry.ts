import { Backoff } from '#platform';
import { logClosed } from '../../errors.ts';
import type { Cluster } from './cluster.ts';
import { isPassing as passing, translatedError, unavailable } from './kafka-errors.ts';

const BACKOFF = { firstMs: 20, longestMs: 1_000 };
const BRIEF_BACKOFF = { firstMs: 1, longestMs: 20 };

export type RetryOptions = {
  /** For how long to try, ms. */
  readonly timeoutMs?: number;
  readonly isPassing?: (error: unknown) => boolean;
  /** What to do before the next try: forget a coordinator, ask for metadata. */
  readonly before?: (error: unknown) => void | Promise<void>;
  /** What is over within some ms: it is tried again by then, without `before`. */
  readonly isBrief?: (error: unknown) => boolean;
  /** Ends it, as the end of the cluster does. */
  readonly signal?: AbortSignal;
  /** For messages: what is being done. */
  readonly what?: string;
};

/**
 * Repeats `operation` while it fails for a passing reason, with exponential back-off and jitter. Errors: MR_LOG_UNAVAILABLE
 * when time is up, MR_LOG_CLOSED when the cluster is closed meanwhile, or `signal` aborts; any other of the operation's as it is, except a refused
 * login or right, which is MR_KAFKA_LOGIN or MR_KAFKA_FORBIDDEN.
 */
export async function retrying<T>(
  cluster: Cluster,
  operation: () => Promise<T>,
  {
    timeoutMs = 60_000,
    isPassing = passing,
    before,
    isBrief,
    signal = cluster.signal,
    what = 'a request',
  }: RetryOptions = {},
): Promise<T> {
  const { clock, random } = cluster;
  const until = clock.monotonic() + timeoutMs;
  const backoff = new Backoff(clock, { ...BACKOFF, random });
  const brief = new Backoff(clock, BRIEF_BACKOFF);
  for (;;) {
    if (cluster.closed || signal.aborted) throw logClosed();
    let failure: unknown;
    try {
      return await operation();
    } catch (error) {
      failure = error;
    }
    if (cluster.closed || signal.aborted) throw logClosed();
    if (!isPassing(failure)) throw refusal(failure, what);
    const remainingMs = until - clock.monotonic();
    if (remainingMs <= 0) throw unavailable(what, failure);
    if (isBrief?.(failure) === true) {
      await brief.wait(signal);
      continue;
    }
    await clock.sleep(Math.min(remainingMs, backoff.failed()), signal);
    await before?.(failure);
  }
}

/** Refused logins and rights mean the same to every caller; the other refusals are theirs to understand. */
function refusal(error: unknown, what: string): unknown {
  const translated = translatedError(error, what);
  const code = (translated as { code?: unknown }).code;
  return code === 'MR_KAFKA_LOGIN' || code === 'MR_KAFKA_FORBIDDEN' ? translated : error;
}
