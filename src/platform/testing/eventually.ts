import { setTimeout as sleep } from 'node:timers/promises';

/** Far beyond what a slow machine needs: it ends a test that would hang, and decides nothing else. */
const LIMIT_MS = 120_000;
const PAUSE_MS = 20;

type Ask<T> = () => Promise<T | false | undefined> | T | false | undefined;

/**
 * Waits until `ask` returns something other than false and undefined, and returns that: the one way in which tests wait
 * for what others do. Errors: what `ask` throws; after two minutes an error that names `what`, or the text of `ask`.
 */
export function eventually<T>(ask: Ask<T>): Promise<T>;
export function eventually<T>(what: string, ask: Ask<T>): Promise<T>;
export async function eventually<T>(...given: readonly [Ask<T>] | readonly [string, Ask<T>]): Promise<T> {
  const [what, ask] = given.length === 1 ? [String(given[0]), given[0]] : given;
  const end = performance.now() + LIMIT_MS;
  for (;;) {
    const found = await ask();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > end) throw new Error(`not within ${LIMIT_MS / 1_000} s: ${what}`);
    await sleep(PAUSE_MS);
  }
}
