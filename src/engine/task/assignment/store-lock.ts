import { type Clock, errorCode } from '#platform';

const RETRY_MS = 100;
const PATIENCE_MS = 60_000;

/** Opens a database whose former owner on this machine may be closing it still. */
export async function whenUnlocked<T>(
  clock: Clock,
  open: () => Promise<T>,
  signal: AbortSignal | undefined = undefined,
): Promise<T> {
  const deadline = clock.monotonic() + PATIENCE_MS;
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await open();
    } catch (error) {
      if (errorCode(error) !== 'MR_STORE_LOCKED' || clock.monotonic() > deadline) throw error;
      await clock.sleep(RETRY_MS, signal);
    }
  }
}
