import { type FileHandle, open } from 'node:fs/promises';
import { type Topic, TopicReader, type TopicRecord } from '#engine';
import type { Log } from '#engine/log';
import type { Logger } from '#platform';
import type { Example, Item, OffsetRange, User } from '#schemas';

/** Text is written to the disk in pieces of this length. */
const pieceLength = 1 << 20;

export type StagingSource = { readonly log: Log; readonly logger: Logger };

/** What was read of a topic, and until when its records are complete. */
export type Staged = {
  readonly offsets: readonly OffsetRange[];
  readonly records: number;
  /** NO_WATERMARK for topics that carry none. */
  readonly watermark: number;
};

type OnRecords = (count: number) => void;

/**
 * Copies all that a topic holds to a file of JSON lines, a row a record: `place` (partition, offset), the key, and
 * the value, null for a tombstone. Records that can't be decoded are reported and left out.
 */
export async function stageTopic<V extends Example | Item | User>(
  { log, logger }: StagingSource,
  topic: Topic<string, V>,
  path: string,
  onRecords: OnRecords,
): Promise<Staged> {
  const [description] = await log.describeTopics([topic.name]);
  const starts = (description?.offsets ?? []).map(({ start }) => start);
  const reader = await TopicReader.open(log, topic, {
    from: starts,
    onUndecodable: (place, err) =>
      logger.warn({ ...place, err }, 'a record that cannot be decoded is left out'),
  });
  const file = await open(path, 'wx');
  try {
    let records = 0;
    for await (const polled of reader.untilEnd()) {
      await writeLines(file, polled);
      records += polled.length;
      onRecords(polled.length);
    }
    const offsets = reader.positions.map((end, partition): OffsetRange => {
      return { topic: topic.name, partition, start: starts[partition] ?? end, end };
    });
    return { offsets, records, watermark: reader.watermark };
  } finally {
    await file.close();
    await reader.close();
  }
}

async function writeLines<V>(file: FileHandle, records: readonly TopicRecord<string, V>[]): Promise<void> {
  let text = '';
  for (const { partition, offset, key, value } of records) {
    text += `${JSON.stringify({ partition, offset, key, value })}\n`;
    if (text.length < pieceLength) continue;
    await file.write(text);
    text = '';
  }
  if (text !== '') await file.write(text);
}
