import { type Topic, TopicWriter } from '#engine';
import { featureViews, recordViews, versionedName } from '#features';
import type { Log } from '#log';
import { createLogger, createMetrics, systemClock } from '#platform';
import { RedisRowReader, RedisViewWriter } from '#responders';
import type { Totals, View } from '../engine/events.ts';
import { append, type Load, numbersOf, type Sent } from './load.ts';

/** One event in so many is looked for. */
const SAMPLED = 10;
const VIEW = 'user-features-2';

type ViewTopics = Parameters<typeof RedisViewWriter.open>[2];

/**
 * As `latencies`, to the moment at which the row in Redis is the event's or a later one's; the totals stand for a view of
 * users there, and the other views are empty.
 */
export async function latenciesToRedis(
  log: Log,
  views: Topic<string, View>,
  totals: Topic<string, Totals>,
  url: string,
  load: Load,
): Promise<number[]> {
  const logger = createLogger({ level: 'error', name: 'bench' });
  const empty = (name: string) => ({ ...totals, name: `${totals.name}-${name}` });
  const names = [...featureViews.map(versionedName), ...recordViews.map(({ source }) => source)];
  const others = Object.fromEntries(names.filter((name) => name !== VIEW).map((name) => [name, empty(name)]));
  await log.createTopics(Object.values(others));
  const topics = { [VIEW]: totals, ...others } as unknown as ViewTopics;
  const environment = { log, clock: systemClock, logger, metrics: createMetrics() };
  const follower = await RedisViewWriter.open({ url }, environment, topics);
  await follower.caughtUp;
  const rows = await RedisRowReader.open({ url }, logger);
  const writer = await TopicWriter.open(log, views);
  const sent: Sent = { at: [], keys: [] };
  const waits: number[] = [];
  const { first, count } = numbersOf(load);
  let waiting: number[] = [];
  let next = first;
  const look = async () => {
    while (next < count || waiting.length > 0) {
      for (; next < sent.at.length; next += SAMPLED) waiting.push(next);
      await systemClock.sleep(1);
      const found = await rows.read(
        waiting.map((number) => ({ entity: 'user', topic: totals.name, key: sent.keys[number] as string })),
      );
      const now = performance.now();
      waiting = waiting.filter((number, i) => {
        const row = found[i];
        const there = typeof row === 'object' && Number(totals.value.decode(row.value).session) >= number;
        if (there) waits.push(now - (sent.at[number] as number));
        return !there;
      });
    }
  };
  await Promise.all([look(), append(writer, load, sent)]);
  await writer.close();
  rows.close();
  await follower.close();
  return waits;
}
