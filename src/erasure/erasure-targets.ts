import type { AnyView } from '#features';
import type { EmbeddedLog, Log } from '#log';
import type { Clock } from '#platform';
import type { EraseTarget } from '#privacy';
import type { Topics } from '#topologies';
import { type ProcessedOptions, untilProcessed } from './processed.ts';
import { runsTarget, snapshotsTarget, versionsTarget } from './retired-training.ts';
import { profileTarget, viewRowsTarget } from './user-rows.ts';

export type ErasureOptions = {
  readonly log: Log;
  /** The log where it is the embedded one, whose files are this installation's own. */
  readonly embedded: Pick<EmbeddedLog, 'scrub'> | undefined;
  readonly topics: Topics;
  /** The views that modules declare. */
  readonly modules: readonly AnyView[];
  readonly dataDirectory: string;
  readonly clock: Clock;
  /** How long the processors may take with each step, ms. */
  readonly patienceMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Places that are known elsewhere, such as rows in Redis and the archive; emptied when the views are. */
  readonly others: readonly EraseTarget[];
};

/** Where a user is erased, in this order: what the processors keep, what was made of it, and the files of the log last. */
export function erasureTargets(options: ErasureOptions): readonly EraseTarget[] {
  const { log, embedded, topics, clock, others } = options;
  const processed = () => untilProcessed(options satisfies ProcessedOptions);
  return [
    profileTarget(log, topics.users, clock),
    viewRowsTarget({ ...options, untilProcessed: processed }),
    ...others,
    versionsTarget(options),
    snapshotsTarget(options),
    runsTarget(options),
    ...(embedded === undefined ? [] : [logTarget(embedded)]),
  ];
}

/** What was deleted or replaced on compacted topics goes from the files, byte for byte. Brokers do so by themselves. */
function logTarget(embedded: Pick<EmbeddedLog, 'scrub'>): EraseTarget {
  return {
    name: 'log',
    erase: async () => {
      const { compactedRecords, expiredTombstones } = await embedded.scrub();
      return { where: 'log.sqlite, of all users', rows: compactedRecords + expiredTombstones };
    },
  };
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
