import { partitionFor } from '#log';
import { defineProcessor, port } from '../../../topology/processor.ts';
import type { Random } from '../random.ts';
import { sizedJson, sizedTopic } from '../sized-json.ts';
import {
  type Input,
  type InputRecord,
  type OutputRecord,
  recordsOf,
  type TopologyUnderTest,
} from '../topology-under-test.ts';

type Signal = { readonly about: string };
type Inbox = { readonly total: number; readonly newest: number; readonly waiting: number };
type Notice = { readonly total: number };

const PARTITIONS = 2;
const OUT_OF_ORDER_MS = 20;
const TTL_MS = 150;
/** By the wall clock. */
const DELAY_MS = 700;
const START_MS = 1_000_000_000_000;
const END_MS = START_MS + 10_000_000;

const signals = sizedTopic<Signal>('signals', PARTITIONS, { about: 'thing-1' });
const notices = sizedTopic<Notice>('notices', PARTITIONS, { total: 1 });

const added = (inbox: Inbox | undefined, timestamp: number): Inbox => ({
  total: (inbox?.total ?? 0) + 1,
  newest: Math.max(inbox?.newest ?? 0, timestamp),
  waiting: (inbox?.waiting ?? 0) + 1,
});

/**
 * Signals count once within their time to live; a user hears of them some time later by the wall clock. When that is
 * depends on arrival; what the last notice says does not.
 */
const notifier = defineProcessor({
  inputs: { signals: port<string, Signal>() },
  outputs: { notices: port<string, Notice>() },
  stores: {
    seen: { value: sizedJson<number>(START_MS), ttlMs: TTL_MS },
    inbox: { value: sizedJson<Inbox>({ total: 1, newest: START_MS, waiting: 1 }) },
  },
  reads: {
    signals: ({ key, value: { about } }) => ({ seen: [`${key}/${about}`], inbox: [key], timers: [key] }),
  },
  process: {
    signals: ({ key, value: { about }, timestamp }, { stores, setWallTimer, wallNow }) => {
      const isKnown = stores.seen.get(`${key}/${about}`) !== undefined;
      stores.seen.put(`${key}/${about}`, timestamp, timestamp);
      if (isKnown) return;
      const inbox = added(stores.inbox.get(key), timestamp);
      stores.inbox.put(key, inbox, timestamp);
      if (inbox.waiting === 1) setWallTimer(key, wallNow + DELAY_MS);
    },
  },
  onWallTimer: (key, _, { stores, emit }) => {
    const inbox = stores.inbox.get(key);
    if (inbox === undefined) return;
    emit('notices', key, { total: inbox.total }, inbox.newest);
    stores.inbox.put(key, { ...inbox, waiting: 0 }, inbox.newest);
  },
  dependsOnArrival: true,
});

function generate(random: Random): InputRecord[] {
  const [users, things] = [random.int(2, 8), random.int(1, 3)];
  let now = START_MS;
  return Array.from({ length: random.int(60, 200) }, () => {
    now += random.int(0, 30);
    const value = { about: `thing-${random.int(1, things)}` };
    const timestamp = now - random.int(0, OUT_OF_ORDER_MS);
    return { topic: signals.name, key: `user-${random.int(1, users)}`, value, timestamp };
  });
}

function model(input: Input): Record<string, OutputRecord[]> {
  const inboxes = new Map<string, Inbox>();
  for (let partition = 0; partition < PARTITIONS; partition++) {
    const seen = new Map<string, number>();
    let watermark = Number.NEGATIVE_INFINITY;
    for (const { key, value, timestamp } of recordsOf(input)) {
      if (key === null || partitionFor(Buffer.from(key), PARTITIONS) !== partition) continue;
      for (const [name, changedAt] of seen) if (changedAt + TTL_MS <= watermark) seen.delete(name);
      const name = `${key}/${(value as Signal).about}`;
      if (!seen.has(name)) inboxes.set(key, added(inboxes.get(key), timestamp));
      seen.set(name, Math.max(seen.get(name) ?? timestamp, timestamp));
      watermark = Math.max(watermark, timestamp - OUT_OF_ORDER_MS);
    }
  }
  return {
    [notices.name]: Array.from(inboxes, ([key, { total, newest }]) => {
      return { key, value: { total }, timestamp: newest };
    }),
  };
}

export const noticesTopology: TopologyUnderTest = {
  name: 'notices-by-wall-clock',
  inputs: [signals],
  outputs: [{ topic: notices, comparison: 'last-per-key' }],
  declare: (builder) => {
    const source = builder.source(signals, { watermark: { outOfOrderMs: OUT_OF_ORDER_MS } });
    builder.process('notifier', notifier, { signals: source }).notices.to(notices);
  },
  generate,
  finalWatermarkMs: END_MS,
  model,
};
