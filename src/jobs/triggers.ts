import type { Log } from '#log';
import type { Clock } from '#platform';
import type { JobRun, JobTrigger } from '#schemas';
import type { Topics } from '#topologies';
import type { Job } from './job.ts';
import { isOver } from './run.ts';

/** A run that nobody asked for is due. */
export type Due = { readonly trigger: JobTrigger; readonly cause: string };

/** Between the end of a run and the next one by count or interval: what had nothing to do would be due again at once. */
const REST_MS = 60_000;
/**
 * How late a time of a schedule is still kept, by whoever was not there when it came; and how far ahead of this clock one may
 * have been kept already, by an owner with another.
 */
const LATENESS_MS = 3_600_000;

export type TriggersOptions = {
  readonly log: Log;
  readonly topics: Pick<Topics, 'interactions'>;
  readonly clock: Clock;
  /** The runs as they stand. */
  readonly runs: () => readonly JobRun[];
};

/**
 * Says which job is due by its schedule, by how long ago its last run was, or by how many events have come since. It
 * measures from what is on the log, so that whoever becomes the owner goes on where the one before had come.
 */
export class Triggers {
  readonly #options: TriggersOptions;
  readonly #openedMs: number;
  /** By job: up to when the times of its schedules are done with. */
  readonly #passedMs = new Map<string, number>();

  constructor(options: TriggersOptions, jobs: readonly Job[]) {
    this.#options = options;
    this.#openedMs = options.clock.now();
    for (const { name } of jobs) {
      const before = this.#last(name, ({ trigger }) => trigger === 'cron')?.created ?? this.#openedMs;
      // What lies further ahead was written by a clock that was wrong: waiting for it might take years.
      const isWrong = before > this.#openedMs + LATENESS_MS;
      this.#passedMs.set(name, isWrong ? this.#openedMs : Math.max(before, this.#openedMs - LATENESS_MS));
    }
  }

  async due(job: Job): Promise<Due | undefined> {
    return (await this.#bySchedule(job)) ?? (await this.#byProgress(job));
  }

  /** Times that come while a job is paused are not made up for. `untilMs`: when the pause ended, by default not yet. */
  pass({ name }: Job, untilMs = Infinity): void {
    const passedMs = this.#passedMs.get(name) ?? 0;
    this.#passedMs.set(name, Math.max(passedMs, Math.min(untilMs, this.#options.clock.now())));
  }

  /** Where a job that counts events counts from after a run that is created now. */
  async countedFrom(job: Job): Promise<readonly number[]> {
    const isCounting = job.progress === undefined && job.when.some(({ kind }) => kind === 'count');
    return isCounting ? this.#eventOffsets() : [];
  }

  async #bySchedule(job: Job): Promise<Due | undefined> {
    const now = this.#options.clock.now();
    const passedMs = this.#passedMs.get(job.name) ?? now;
    for (const when of job.when) {
      if (when.kind !== 'cron') continue;
      const at = when.schedule.next(passedMs);
      if (at === undefined || at > now) continue;
      this.pass(job);
      if (job.isWorthwhile !== undefined && !(await job.isWorthwhile())) continue;
      return { trigger: 'cron', cause: when.schedule.text };
    }
    return undefined;
  }

  /** Nothing while a run of the job is active: what goes by the last run waits for its end. */
  async #byProgress(job: Job): Promise<Due | undefined> {
    const { clock } = this.#options;
    if (this.#last(job.name, (run) => !isOver(run)) !== undefined) return undefined;
    const now = clock.now();
    const newest = this.#last(job.name, () => true);
    if (newest !== undefined && now < (newest.ended ?? 0) + REST_MS) return undefined;
    // One that was skipped has done nothing of what has come since; where no other is remembered, it has to do.
    const last = this.#last(job.name, ({ started }) => started !== null) ?? newest;
    for (const when of job.when) {
      if (when.kind === 'interval') {
        const since = (await job.progress?.lastMs()) ?? last?.created ?? this.#openedMs;
        if (now - since >= when.everyMs) return { trigger: 'interval', cause: `last ${iso(since)}` };
      } else if (when.kind === 'count') {
        const count = (await job.progress?.newRecords()) ?? (await this.#newEvents(last));
        if (count >= when.every) return { trigger: 'count', cause: `${count} new` };
      }
    }
    return undefined;
  }

  async #newEvents(last: JobRun | undefined): Promise<number> {
    const ends = await this.#eventOffsets();
    return ends.reduce((sum, end, partition) => sum + Math.max(0, end - (last?.counted[partition] ?? 0)), 0);
  }

  async #eventOffsets(): Promise<readonly number[]> {
    const [interactions] = await this.#options.log.describeTopics([this.#options.topics.interactions.name]);
    return (interactions?.offsets ?? []).map(({ stable }) => stable);
  }

  #last(job: string, isWanted: (run: JobRun) => boolean): JobRun | undefined {
    return this.#options.runs().findLast((run) => run.job === job && isWanted(run));
  }
}

const iso = (ms: number) => new Date(ms).toISOString();
