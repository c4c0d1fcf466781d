import type { EmbeddedLog, Log } from '#log';
import type { Erased, EraseTarget } from '#privacy';
import type { ErasureOptions } from './processed.ts';
import { runsTarget, snapshotsTarget, versionsTarget } from './retired-training.ts';
import { profileTarget, viewRowsTarget } from './user-rows.ts';

/** Where a user is erased, in this order: what the processors keep, what was made of it, and the files of the log last. */
export function erasureTargets(options: ErasureOptions): readonly EraseTarget[] {
  const { log, embedded, keysAreForgotten, topics, clock, others } = options;
  return [
    profileTarget(log, topics.users, clock),
    viewRowsTarget(options),
    ...others,
    versionsTarget(options),
    snapshotsTarget(options),
    runsTarget(options),
    // Where ids stand as they were given; the vault cleans the files when the key is destroyed, which comes after all of this.
    ...(embedded === undefined || keysAreForgotten ? [] : [{ name: 'log', erase: () => scrubLog(embedded) }]),
  ];
}

/** What was deleted or replaced on compacted topics goes from the files, byte for byte. Brokers do so by themselves. */
export async function scrubLog(embedded: Pick<EmbeddedLog, 'scrub'>): Promise<Erased> {
  const { compactedRecords, expiredTombstones } = await embedded.scrub();
  return { where: 'log.sqlite, of all users', rows: compactedRecords + expiredTombstones };
}

/** A topic that keeps events of an erased user, under a pseudonym that is nobody's, until its retention. */
export type RemainingTopic = { readonly topic: string; readonly retentionMs: number | null };

const keptEvents = ['interactions', 'interactions-accepted', 'examples', 'example-corrections', 'answers'];

/** What an erasure leaves by design: topics of events, which only time empties, or the dropping of the view they are for. */
export async function remainingTopics(log: Log): Promise<readonly RemainingTopic[]> {
  return (await log.describeTopics()).flatMap(({ name, cleanup, offsets }) => {
    // That all are there is said by a record, too.
    const hasEvents = offsets.some(({ start, end }) => end > start + 1);
    const isArchived = /^view-.*-archived$/.test(name) && hasEvents;
    if (cleanup.policy !== 'delete' || !(isArchived || keptEvents.includes(name))) return [];
    return [{ topic: name, retentionMs: cleanup.retentionMs }];
  });
}
