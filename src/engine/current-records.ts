import type { Log } from '#log';
import type { Topic } from './serde.ts';
import { TopicReader, type TopicReaderOptions, type TopicRecord } from './topic-reader.ts';

export type CurrentRecord<K, V> = TopicRecord<K, V> & { readonly value: V };

/** All records of a topic that are readable now, in order within each partition, poll by poll. Errors: those of TopicReader. */
export async function* readableRecords<K, V>(
  log: Log,
  topic: Topic<K, V>,
  options: TopicReaderOptions = { from: 'start' },
): AsyncGenerator<readonly TopicRecord<K, V>[]> {
  const reader = await TopicReader.open(log, topic, options);
  try {
    yield* reader.untilEnd();
  } finally {
    await reader.close();
  }
}

/**
 * What compaction would leave of a topic as it is now: the newest record of each key, without keys that a tombstone has
 * ended. Keys are in order of their first record, or of their newest.
 */
export async function currentRecords<K, V>(
  log: Log,
  topic: Topic<K, V>,
  order: 'by-first' | 'by-newest',
): Promise<ReadonlyMap<K, CurrentRecord<K, V>>> {
  const current = new Map<K, CurrentRecord<K, V>>();
  for await (const records of readableRecords(log, topic)) {
    for (const record of records) {
      const { key, value } = record;
      if (value === null || order === 'by-newest') current.delete(key);
      if (value !== null) current.set(key, { ...record, value });
    }
  }
  return current;
}
