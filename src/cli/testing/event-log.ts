/** Events in the log of a data directory that no command has made. */

import { join } from 'node:path';
import { readableRecords, type Topic, writeRecords } from '#engine';
import { openEmbeddedLog } from '#log';
import { createLogger, systemClock } from '#platform';
import type { Interaction } from '#schemas';
import { openTopics, type Topics } from '#topologies';

export const startMs = Date.UTC(2026, 0, 1);

/** The `i`th event of 3 users and 2 items with odd names. */
export function interaction(i: number, ts = startMs + i * 1_000): Interaction {
  return {
    event_id: `e${i}`,
    user_id: `u${i % 3}`,
    item_id: `i"${i % 2},`,
    kind: i % 2 === 0 ? 'view' : 'click',
    value: null,
    watch_ms: i % 2 === 0 ? 1_000 * i : null,
    session_id: null,
    request_id: null,
    context: { device: 'tv', country: null, language: null },
    ts,
    original_ts: null,
    item: null,
  };
}

/** In the data of a command line's working directory. */
export async function writeEvents(
  directory: string,
  topic: 'interactions' | 'interactions-accepted',
  events: readonly Interaction[],
): Promise<void> {
  const logger = createLogger({ level: 'silent', name: 'test' });
  const data = join(directory, '.millrace');
  const log = await openEmbeddedLog({ directory: data, clock: systemClock, logger, synchronous: 'normal' });
  const topics = await openTopics(log, log.registry);
  const records = events.map((value) => ({ key: value.user_id, value, timestamp: value.ts }));
  await writeRecords(log, topics[topic], records);
  await log.close();
}

/** What a topic of a data directory holds, a list a partition in the order of its offsets, heartbeats left out. */
export async function readTopic<N extends keyof Topics>(
  data: string,
  topic: N,
): Promise<readonly (readonly NonNullable<ValueOf<Topics[N]>>[])[]> {
  const logger = createLogger({ level: 'silent', name: 'test' });
  const log = await openEmbeddedLog({ directory: data, clock: systemClock, logger, synchronous: 'normal' });
  try {
    const topics = await openTopics(log, log.registry);
    const { partitions } = topics[topic];
    const lists: NonNullable<ValueOf<Topics[N]>>[][] = Array.from({ length: partitions }, () => []);
    const options = { from: 'start', onUndecodable: () => {} } as const;
    const typed = topics[topic] as unknown as Topic<string, NonNullable<ValueOf<Topics[N]>>>;
    for await (const records of readableRecords(log, typed, options)) {
      for (const { partition, value } of records) if (value !== null) lists[partition]?.push(value);
    }
    return lists;
  } finally {
    await log.close();
  }
}

type ValueOf<T> = T extends Topic<string, infer V> ? V : never;
