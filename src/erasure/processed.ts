import { type AnyView, isOfUser } from '#features';
import type { EmbeddedLog, Log } from '#log';
import { type Clock, RetryableError } from '#platform';
import type { EraseTarget } from '#privacy';
import { LOOP_GROUP } from '#processing';
import type { DataFiles } from '#storage';
import type { Topics } from '#topologies';
import { viewGroup } from '#view-builds';

export type ErasureOptions = DataFiles & {
  readonly log: Log;
  /** The log where it is the embedded one, whose files are this installation's own. */
  readonly embedded: Pick<EmbeddedLog, 'scrub'> | undefined;
  /** Whether the vault destroys the user's key, and cleans these files with it. */
  readonly keysAreForgotten: boolean;
  readonly topics: Topics;
  /** The views that modules declare. */
  readonly modules: readonly AnyView[];
  readonly clock: Clock;
  /** How long the processors may take with each step, ms. */
  readonly patienceMs: number;
  /** Ends the waiting. */
  readonly signal: AbortSignal;
  /** Places that are known elsewhere, such as rows in Redis and the archive; emptied when the views are. */
  readonly others: readonly EraseTarget[];
};

const POLL_MS = 100;

type Stage = { readonly group: string; readonly topics: readonly string[] };

/** The stages through which a decision of a user comes to the views, and a command to the versions. */
function stagesTo(modules: readonly AnyView[]): readonly Stage[] {
  return [
    { group: LOOP_GROUP, topics: ['interactions', 'privacy', 'commands'] },
    { group: LOOP_GROUP, topics: ['interactions-accepted'] },
    ...modules.map((view) => {
      const topics = ['interactions-accepted', ...(isOfUser(view) ? ['privacy-decisions'] : [])];
      return { group: viewGroup(view), topics };
    }),
  ];
}

/**
 * Resolves when the processors, wherever they run, have committed what was readable on their inputs at the time of the
 * call, stage by stage. RetryableError MR_PRIVACY_VIEWS_REMAIN where they do not come so far in time.
 */
export async function untilProcessed(options: ErasureOptions): Promise<void> {
  const { log, modules, clock, patienceMs, signal } = options;
  const until = clock.monotonic() + patienceMs;
  for (const { group, topics } of stagesTo(modules)) {
    const isCommitted = await committedBy(log, group, topics);
    while (!(await isCommitted())) {
      signal.throwIfAborted();
      if (clock.monotonic() > until) throw behind(topics);
      await clock.sleep(POLL_MS, signal);
    }
  }
}

/** Asks whether a group has committed what was readable on topics at the time of this call. */
export async function committedBy(
  log: Log,
  group: string,
  topics: readonly string[],
): Promise<() => Promise<boolean>> {
  const ends = (await log.describeTopics(topics)).flatMap(({ name, offsets }) =>
    offsets.map(({ start, stable }, partition) => ({ topic: name, partition, start, stable })),
  );
  return async () => {
    const committed = await log.committedOffsets(group, ends);
    return ends.every(({ start, stable }, i) => (committed[i]?.offset ?? start) >= stable);
  };
}

function behind(names: readonly string[]): RetryableError {
  return new RetryableError(
    'MR_PRIVACY_VIEWS_REMAIN',
    `The processors have not read ${names.join(', ')} to the end.`,
    {
      hint: 'Check that they run ("millrace start") and how far they are behind, then erase the user again.',
    },
  );
}
