/** Events and requests for answers, at a steady rate, by clients that try again. */
import { setTimeout } from 'node:timers/promises';
import type { Cluster } from './cluster.ts';
import { type Counts, noCounts, requestOfAny } from './retrying-client.ts';

const BATCH = 10;
const USERS = 500;
const EVENTS_TIMEOUT_MS = 5_000;
const ANSWER_TIMEOUT_MS = 5_000;
/** Requests of a kind that wait at a time. */
const MOST_OPEN = 50;

export type LoadOptions = {
  readonly eventsPerSecond: number;
  readonly answersPerSecond: number;
  readonly items: number;
  readonly random: () => number;
  readonly signal: AbortSignal;
};

export type LoadResult = {
  /** Ids of events that a gateway has acknowledged. */
  readonly acknowledged: ReadonlySet<string>;
  readonly events: Counts;
  readonly answers: Counts;
};

/** Resolves when `signal` has aborted and every request is over. */
export async function load(cluster: Cluster, options: LoadOptions): Promise<LoadResult> {
  const { items, random } = options;
  const acknowledged = new Set<string>();
  const [events, answers] = [noCounts(), noCounts()];
  let written = 0;
  const post = async () => {
    const batch = Array.from({ length: BATCH }, () => ({
      event_id: `load-${written++}`,
      user_id: `user ${Math.floor(random() * USERS)}`,
      item_id: `i${Math.floor(random() * random() * items)}`,
      kind: random() < 0.5 ? 'view' : 'click',
      ts: Date.now(),
    }));
    const headers = { 'content-type': 'application/json' };
    const init = { method: 'POST', headers, body: JSON.stringify(batch) };
    const request = { path: '/events', init, timeoutMs: EVENTS_TIMEOUT_MS };
    if (!(await requestOfAny(cluster.of('gateway'), request, events, random))) return;
    for (const { event_id } of batch) acknowledged.add(event_id);
  };
  const ask = async () => {
    const path = `/recommend/${encodeURIComponent(`user ${Math.floor(random() * USERS)}`)}?k=5`;
    await requestOfAny(cluster.of('responder'), { path, timeoutMs: ANSWER_TIMEOUT_MS }, answers, random);
  };
  await Promise.all([
    steadily(options.eventsPerSecond / BATCH, post, options.signal),
    steadily(options.answersPerSecond, ask, options.signal),
  ]);
  return { acknowledged, events, answers };
}

async function steadily(perSecond: number, work: () => Promise<void>, signal: AbortSignal): Promise<void> {
  const open = new Set<Promise<void>>();
  while (!signal.aborted) {
    const one = work().finally(() => open.delete(one));
    open.add(one);
    await setTimeout(1_000 / perSecond);
    if (open.size >= MOST_OPEN) await Promise.race(open);
  }
  await Promise.all(open);
}
