import { type ActivePlace, asActiveMember } from '#engine';
import type { Log } from '#log';
import { Backoff, type Clock, type Counter, InputError, type Logger, type Metrics } from '#platform';
import type { JobRunStatus, VersionStatus } from '#schemas';
import type { Topics } from '#topologies';
import type { Channel } from './channels/port.ts';
import { jobNotice, versionNotice } from './notice.ts';
import { Source, type SourceOptions, type Told } from './source.ts';

export type NotifierOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'versions' | 'job-runs' | 'dead-letters'>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** This process's name among those that notify: of several one does. */
  readonly instanceId: string;
  readonly channel: Channel;
  /** The steps of versions that are told. */
  readonly statuses: readonly VersionStatus[];
  /** The steps of runs of jobs that are told. */
  readonly jobStatuses: readonly JobRunStatus[];
  /** The pause before the first repetition, ms, which doubles with each. */
  readonly firstPauseMs?: number;
};

const POLL_MS = 500;
const BACKOFF = { firstMs: 1_000, longestMs: 300_000 };

/**
 * Tells a channel of versions and jobs until `signal` aborts. Each notice is delivered at least once, in the order of its
 * topic: the position of the channel's group is committed after what was taken, and what can't be delivered is tried again
 * with growing pauses. What the receiver refuses goes to the dead letters. It begins with what happens after its first
 * start.
 */
export async function notify(options: NotifierOptions, signal: AbortSignal): Promise<void> {
  const help = 'Notifications of versions and jobs, by outcome.';
  const outcomes = options.metrics.counter('notifications_total', help, ['outcome']);
  const { topics, channel } = options;
  const committedTopics = [topics.versions.name, topics['job-runs'].name];
  const membership = { ...options, group: channel.group, committedTopics };
  try {
    await asActiveMember(membership, signal, (place) => new Notifier(options, place, outcomes).run());
  } finally {
    channel.close();
  }
}

class Notifier {
  readonly #options: NotifierOptions;
  readonly #place: ActivePlace;
  readonly #outcomes: Counter<'outcome'>;

  constructor(options: NotifierOptions, place: ActivePlace, outcomes: Counter<'outcome'>) {
    this.#options = options;
    this.#place = place;
    this.#outcomes = outcomes;
  }

  async run(): Promise<void> {
    const { topics, statuses, jobStatuses, channel } = this.#options;
    const { signal } = this.#place;
    const options: SourceOptions = { ...this.#options, group: channel.group, place: this.#place };
    const versions = await Source.open(options, topics.versions, (step) =>
      statuses.includes(step.status) ? versionNotice(step) : undefined,
    );
    const jobs = await Source.open(options, topics['job-runs'], (run) =>
      jobStatuses.includes(run.status) ? jobNotice(run) : undefined,
    );
    try {
      while (!signal.aborted) {
        for (const told of [...(await jobs.poll(0)), ...(await versions.poll(POLL_MS))]) {
          if (!(await this.#tell(told))) return;
          await told.commit();
        }
      }
    } finally {
      await versions.close();
      await jobs.close();
    }
  }

  /** False where it was given up because the place is lost, or the notifier is to stop. */
  async #tell({ notice, bury }: Told): Promise<boolean> {
    if (notice === undefined) return true;
    const { clock, logger, channel, firstPauseMs = BACKOFF.firstMs } = this.#options;
    const { signal } = this.#place;
    const backoff = new Backoff(clock, { ...BACKOFF, firstMs: firstPauseMs });
    const about = { group: channel.group, notice: notice.id };
    while (!signal.aborted) {
      try {
        await channel.deliver(notice, signal);
        this.#outcomes.inc({ outcome: 'delivered' });
        return true;
      } catch (error) {
        if (error instanceof InputError) {
          this.#outcomes.inc({ outcome: 'refused' });
          logger.error({ ...about, code: error.code }, error.message);
          await bury(error);
          return true;
        }
        if (signal.aborted) break;
        this.#outcomes.inc({ outcome: 'failed' });
        const pauseMs = backoff.failed();
        logger.warn({ ...about, err: error, pauseMs }, 'a notification is retried');
        await clock.sleep(pauseMs, signal);
      }
    }
    return false;
  }
}
