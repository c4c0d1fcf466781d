import { TopicReader, TopicWriter } from '#engine';
import type { AnyView } from '#features';
import { type OfflineSource, openOffline, type PartitionStretch, withScratchDuckDb } from '#offline';
import type { Interaction } from '#schemas';
import { archivedEventsTopic } from '#topologies';

/** Nothing comes before it any more: what is announced when all archived events are on the topic. */
const END_OF_ARCHIVE = 8_640_000_000_000_000;

/**
 * Puts the accepted events that have left the log onto the topic from which a new view takes them before those on the log.
 * Where the log still has its beginning the topic stays empty. A call that was cut off is started over by the next. Errors:
 * MR_OFFLINE_INCOMPLETE where the archive does not have them, MR_OFFLINE_FILE_CORRUPT, MR_OFFLINE_FILE_MISSING.
 */
export async function bringArchivedEvents(environment: OfflineSource, view: AnyView): Promise<void> {
  const { log, topics } = environment;
  const topic = archivedEventsTopic(view, topics);
  await log.createTopics([topic]);
  const reader = await TopicReader.open(log, topic, { from: 'start' });
  let hasRecords = false;
  for await (const records of reader.untilEnd()) hasRecords ||= records.length > 0;
  const isComplete = reader.watermark >= END_OF_ARCHIVE;
  await reader.close();
  if (isComplete) return;
  if (hasRecords) {
    await log.deleteTopics([topic.name]);
    await log.createTopics([topic]);
  }
  const writer = await TopicWriter.open(log, topic);
  try {
    await eachArchivedChunk(environment, async (events) => {
      await writer.write(events.map((value) => ({ key: value.user_id, value, timestamp: value.ts })));
    });
    await writer.announce(END_OF_ARCHIVE);
  } finally {
    await writer.close();
  }
}

/** For each partition the events below the start of the log, in order. Errors: as `bringArchivedEvents`. */
export async function eachArchivedChunk(
  environment: OfflineSource,
  take: (events: readonly Interaction[]) => Promise<void>,
): Promise<void> {
  const name = 'interactions-accepted';
  const [described] = await environment.log.describeTopics([name]);
  const stretches = (described?.offsets ?? [])
    .map(({ start }, partition): PartitionStretch => ({ partition, from: 0, to: start }))
    .filter(({ to }) => to > 0);
  if (stretches.length === 0) return;
  const store = await openOffline(environment);
  await withScratchDuckDb(async (database) => {
    for await (const records of store.records<Interaction>(database, name, stretches)) {
      await take(records.flatMap(({ value }) => (value === null ? [] : [value])));
    }
  });
}
