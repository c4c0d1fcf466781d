import { setTimeout as sleep } from 'node:timers/promises';

/** Far beyond what a slow machine needs: it ends a test that would hang, and decides nothing else. */
const LIMIT_MS = 120_000;
const PAUSE_MS = 20;

/**
 * Waits until `ask` returns something other than false and undefined, and returns that: the one way in which tests wait
 * for what others do. Errors: what `ask` throws; after two minutes an error that names `what`.
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | false | undefined> | T | false | undefined,
): Promise<T> {
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${LIMIT_MS / 1_000} s: ${what}`);
    await sleep(PAUSE_MS);
  }
}
