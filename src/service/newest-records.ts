import { type Topic, TopicReader, type TopicRecord } from '#engine';
import type { Log } from '#log';

/**
 * The last `count` records of all partitions in order of time, and a reader that stands behind them. Offsets have
 * gaps, so that a stretch that turns out to hold too few is read again four times as long.
 */
export async function newestRecords<V>(
  log: Log,
  topic: Topic<string, V>,
  count: number,
): Promise<{ reader: TopicReader<string, V>; newest: readonly TopicRecord<string, V>[] }> {
  const [description] = await log.describeTopics([topic.name]);
  const offsets = description?.offsets ?? [];
  for (let stretch = count + 10; ; stretch *= 4) {
    const from = offsets.map(({ start, stable }) => Math.max(start, stable - stretch));
    const reader = await TopicReader.open(log, topic, { from });
    const records: TopicRecord<string, V>[] = [];
    for await (const some of reader.untilEnd()) for (const record of some) records.push(record);
    if (records.length >= count || from.every((offset, partition) => offset === offsets[partition]?.start)) {
      records.sort((a, b) => a.timestamp - b.timestamp || a.offset - b.offset);
      return { reader, newest: count === 0 ? [] : records.slice(-count) };
    }
    await reader.close();
  }
}
