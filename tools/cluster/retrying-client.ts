/** Requests as a client behind a balancer makes them: whoever does not answer is left for another replica. */
import { setTimeout } from 'node:timers/promises';
import type { Replica } from './replica.ts';

/** Longer than a member of a group is missed, and a process takes to come up. */
const GIVE_UP_MS = 120_000;
const PAUSE_MS = 100;

export type Counts = { requests: number; retries: number; failed: number; longestMs: number };

export const noCounts = (): Counts => ({ requests: 0, retries: 0, failed: 0, longestMs: 0 });

/** Whether it was answered in the end; what it took is added to the counts. */
export async function requestOfAny(
  replicas: readonly Replica[],
  {
    path,
    init,
    timeoutMs,
  }: { readonly path: string; readonly init?: RequestInit; readonly timeoutMs: number },
  counts: Counts,
  random: () => number,
): Promise<boolean> {
  const begun = performance.now();
  counts.requests++;
  for (let i = Math.floor(random() * replicas.length); performance.now() - begun < GIVE_UP_MS; i++) {
    const replica = replicas[i % replicas.length] as Replica;
    if (await isAnswered(replica.url + path, { ...init, signal: AbortSignal.timeout(timeoutMs) })) {
      counts.longestMs = Math.max(counts.longestMs, performance.now() - begun);
      return true;
    }
    counts.retries++;
    await setTimeout(PAUSE_MS);
  }
  counts.failed++;
  return false;
}

async function isAnswered(url: string, init: RequestInit): Promise<boolean> {
  try {
    const response = await fetch(url, init);
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
