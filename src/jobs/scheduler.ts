import { randomUUID } from 'node:crypto';
import { type ActivePlace, asActiveMember, TopicReader } from '#engine';
import type { Log, OffsetCommit } from '#log';
import type { Clock, Logger, Metrics } from '#platform';
import type { JobRequest, JobRun } from '#schemas';
import type { Topics } from '#topologies';
import { RunAtWork } from './carry-out.ts';
import { EventFeed } from './event-feed.ts';
import { type Job, laneOf } from './job.ts';
import { JobMetrics } from './job-metrics.ts';
import { JobLedger } from './ledger.ts';
import { abandoned, cancelled, interrupted, overlapping, unknownJob } from './refusals.ts';
import { ended, errorFields, isOver, newRun } from './run.ts';
import { type Due, Triggers } from './triggers.ts';

export type JobsTopics = Pick<
  Topics,
  'job-runs' | 'jobs' | 'job-requests' | 'interactions' | 'versions' | 'snapshots'
>;

export type SchedulerOptions = {
  readonly log: Log;
  readonly topics: JobsTopics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Spreads the pauses between attempts. */
  readonly random: () => number;
  /** This process's name among the owners: started again under it, it goes on at once. */
  readonly instanceId: string;
  readonly jobs: readonly Job[];
  /** How often it looks at what is due, ms. */
  readonly everyMs?: number;
};

export const JOBS_GROUP = 'jobs';
const DEFAULT_EVERY_MS = 200;

/**
 * Carries out jobs until `signal` aborts, for as long as this process is the one owner in the group. What a process leaves
 * that ends in the middle of a run, the next owner finds, and tries again or records as failed, as the job's policy says.
 */
export async function runJobs(options: SchedulerOptions, signal: AbortSignal): Promise<void> {
  const { topics, logger, jobs } = options;
  let isFirstTerm = true;
  const member = {
    ...options,
    group: JOBS_GROUP,
    committedTopics: [topics['job-requests'].name, topics.versions.name, topics.snapshots.name],
    onStandby: () => logger.info('this process stands by: another one carries out jobs'),
  };
  try {
    await asActiveMember(member, signal, async (place) => {
      const scheduler = await Scheduler.open(options, place);
      try {
        if (isFirstTerm) await scheduler.start();
        isFirstTerm = false;
        await scheduler.run();
      } finally {
        await scheduler.close();
      }
    });
  } finally {
    for (const { progress } of jobs) await progress?.close();
  }
}

type Wanted = { readonly job: Job; readonly due: Due };

/** The owner's work for as long as it has the place. */
class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #place: ActivePlace;
  readonly #metrics: JobMetrics;
  readonly #ledger: JobLedger;
  readonly #triggers: Triggers;
  readonly #requests: TopicReader<string, JobRequest>;
  readonly #events: EventFeed;
  /** By lane. */
  readonly #atWork = new Map<string, { readonly run: RunAtWork; readonly done: Promise<void> }>();
  readonly #over = new AbortController();
  #fault: unknown;

  private constructor(
    options: SchedulerOptions,
    place: ActivePlace,
    parts: {
      readonly metrics: JobMetrics;
      readonly ledger: JobLedger;
      readonly requests: TopicReader<string, JobRequest>;
      readonly events: EventFeed;
    },
  ) {
    this.#options = options;
    this.#place = place;
    this.#metrics = parts.metrics;
    this.#ledger = parts.ledger;
    this.#requests = parts.requests;
    this.#events = parts.events;
    this.#triggers = new Triggers({ ...options, runs: () => this.#ledger.runs }, options.jobs);
  }

  static async open(options: SchedulerOptions, place: ActivePlace): Promise<Scheduler> {
    const { log, topics, jobs, logger } = options;
    const metrics = new JobMetrics(options.metrics);
    const ledger = await JobLedger.open({ ...options, onChange: (run) => metrics.changed(run) }, place);
    for (const run of ledger.runs) metrics.show(run);
    for (const { name } of jobs) metrics.paused(name, ledger.isPaused(name));
    const at = { topic: topics['job-requests'].name, partition: 0 };
    const requests = await TopicReader.open(log, topics['job-requests'], {
      from: await place.positions([at]),
      onUndecodable: (where, err) => logger.error({ ...where, err }, 'an undecodable record is skipped'),
    });
    const events = await EventFeed.open(jobs, { ...options, group: JOBS_GROUP });
    const scheduler = new Scheduler(options, place, { metrics, ledger, requests, events });
    await ledger.add([], { positions: scheduler.#positions() });
    await scheduler.#takeOver();
    return scheduler;
  }

  /** The process has started: once, however often it gets the place. */
  async start(): Promise<void> {
    const due: Due = { trigger: 'start', cause: this.#options.instanceId };
    await this.#admit(this.#wantedBy(({ kind }) => kind === 'start', due));
  }

  async run(): Promise<void> {
    const { signal } = this.#place;
    const { everyMs = DEFAULT_EVERY_MS } = this.#options;
    while (!signal.aborted) {
      for (const { value, offset } of await this.#requests.poll(everyMs)) {
        if (value !== null) await this.#takeRequest(value, [this.#requestsUpTo(offset + 1)]);
      }
      for (const { event, cause, positions } of await this.#events.poll()) {
        const wanted = this.#wantedBy((when) => when.kind === 'event' && when.event === event, {
          trigger: 'event',
          cause,
        });
        await this.#admit(wanted, positions);
      }
      if (signal.aborted) return;
      for (const job of this.#options.jobs) {
        if (this.#ledger.isPaused(job.name)) {
          this.#triggers.pass(job);
          continue;
        }
        const due = await this.#triggers.due(job);
        if (due !== undefined) await this.#admit([{ job, due }]);
      }
      await this.#ledger.add([], { positions: this.#positions() });
      this.#begin();
      if (this.#fault !== undefined) throw this.#fault;
    }
  }

  /** When the place's signal is aborted or `run` has ended. */
  async close(): Promise<void> {
    this.#over.abort();
    await Promise.all([...this.#atWork.values()].map(({ done }) => done));
    this.#metrics.clear();
    await this.#ledger.close();
    await this.#requests.close();
    await this.#events.close();
  }

  /** What was under way when its owner ended. */
  async #takeOver(): Promise<void> {
    const { jobs, clock, logger } = this.#options;
    for (const run of this.#ledger.runs) {
      if (isOver(run)) continue;
      const job = jobs.find(({ name }) => name === run.job);
      const now = clock.now();
      if (job === undefined) {
        const error = this.#unknown(run.job);
        await this.#ledger.change(run.run_id, (each) => ended(each, 'cancelled', now, error));
      } else if (run.status === 'running' && run.attempts > job.policy.retries) {
        const error = abandoned(run.attempts);
        logger.error({ job: run.job, run: run.run_id, err: error }, 'a job has failed');
        await this.#ledger.change(run.run_id, (each) => ended(each, 'failed', now, error));
      } else if (run.status === 'running') {
        const error = interrupted(run.owner);
        logger.warn({ job: run.job, run: run.run_id, err: error }, 'a job is tried again');
        this.#metrics.retried(run.job);
        await this.#ledger.change(run.run_id, (each) => {
          return { ...each, status: 'waiting', ...errorFields(error) };
        });
      }
    }
  }

  #wantedBy(isMet: (when: Job['when'][number]) => boolean, due: Due): readonly Wanted[] {
    return this.#options.jobs
      .filter(({ name, when }) => when.some(isMet) && !this.#ledger.isPaused(name))
      .map((job) => ({ job, due }));
  }

  /** `positions`: committed with what the request leads to, so that one that was followed by others is not met again. */
  async #takeRequest(request: JobRequest, positions: readonly OffsetCommit[]): Promise<void> {
    const { jobs, clock, logger } = this.#options;
    const { job: name, kind, actor, reason } = request;
    const job = jobs.find((each) => each.name === name);
    if (job === undefined) logger.warn({ job: name, kind, actor }, 'a request names no job');
    if (kind === 'run') {
      // Whoever writes a request may write it twice.
      const isNew = this.#ledger.run(request.request_id) === undefined;
      await this.#ledger.add(isNew ? [await this.#requestedRun(request, job)] : [], { positions });
    } else if (kind === 'cancel') {
      await this.#cancel((run) => run.job === name, `${actor ?? 'somebody'} requested it`);
      await this.#ledger.add([], { positions });
    } else if (job !== undefined) {
      const paused = kind === 'pause';
      if (!paused && this.#ledger.isPaused(name)) this.#triggers.pass(job, request.ts);
      const states = [{ job: name, ts: clock.now(), paused, actor, reason }];
      await this.#ledger.add([], { states, positions });
      this.#metrics.paused(name, paused);
    }
  }

  /** The requested run; for a job that is not carried out here, a cancelled one, since whoever requested it waits for an end. */
  async #requestedRun(request: JobRequest, job: Job | undefined): Promise<JobRun> {
    const { job: name, actor, reason, request_id: runId } = request;
    const cause = [actor ?? 'unknown', ...(reason === null ? [] : [reason])].join(': ');
    const due: Due = { trigger: 'request', cause };
    if (job !== undefined) return this.#newRun({ job, due }, runId);
    const now = this.#options.clock.now();
    const run = newRun({ runId, job: name, ...due, now, counted: [] });
    return ended(run, 'cancelled', now, this.#unknown(name));
  }

  #unknown(name: string): Error {
    return unknownJob(
      name,
      this.#options.jobs.map((job) => job.name),
    );
  }

  /** Runs that nobody asked for by hand, as the policies of their jobs have them. */
  async #admit(wanted: readonly Wanted[], positions: readonly OffsetCommit[] = []): Promise<void> {
    const { clock } = this.#options;
    const runs: JobRun[] = [];
    for (const each of wanted) {
      const { job } = each;
      const run = await this.#newRun(each);
      const active = await this.#activeBeside(job);
      const { overlap } = job.policy;
      // One that waits will do for all that come due meanwhile.
      if (active !== undefined && (overlap === 'skip' || active.isWaiting)) {
        runs.push(ended(run, 'skipped', clock.now(), overlapping(active.name)));
        continue;
      }
      if (overlap === 'replace') {
        const isOlder = (other: JobRun) => this.#laneOf(other) === laneOf(job) && other.trigger !== 'request';
        await this.#cancel(isOlder, 'a newer run was due');
      }
      runs.push(run);
    }
    await this.#ledger.add(runs, { positions });
  }

  /** What is in the way of a run, and whether it is one of the same job that waits. */
  async #activeBeside(job: Job): Promise<{ readonly name: string; readonly isWaiting: boolean } | undefined> {
    const open = this.#ledger.runs.filter((run) => !isOver(run) && this.#laneOf(run) === laneOf(job));
    const waiting = open.find((run) => run.job === job.name && run.status === 'waiting');
    const first = waiting ?? open[0];
    if (first !== undefined) {
      return { name: `Run ${first.run_id} of ${first.job}`, isWaiting: waiting !== undefined };
    }
    const lane = this.#atWork.get(laneOf(job));
    if (lane !== undefined) return { name: `The work of run ${lane.run.runId}`, isWaiting: false };
    const other = job.policy.overlap === 'skip' ? await job.otherWork?.() : undefined;
    return other === undefined ? undefined : { name: other, isWaiting: false };
  }

  async #newRun({ job, due }: Wanted, runId = randomUUID().slice(0, 8)): Promise<JobRun> {
    const counted = await this.#triggers.countedFrom(job);
    return newRun({ runId, job: job.name, ...due, now: this.#options.clock.now(), counted });
  }

  async #cancel(isMeant: (run: JobRun) => boolean, why: string): Promise<void> {
    const error = cancelled(why);
    const { clock } = this.#options;
    for (const run of this.#ledger.runs.filter((each) => !isOver(each) && isMeant(each))) {
      const atWork = this.#atWork.get(this.#laneOf(run))?.run;
      if (atWork?.runId === run.run_id) await atWork.giveUp('cancelled', error);
      else await this.#ledger.change(run.run_id, (each) => ended(each, 'cancelled', clock.now(), error));
    }
  }

  /** In each lane that is free, the run that has waited longest. */
  #begin(): void {
    const isEnding = this.#place.signal.aborted || this.#over.signal.aborted;
    if (isEnding || this.#fault !== undefined) return;
    for (const run of this.#ledger.runs) {
      const job = this.#options.jobs.find(({ name }) => name === run.job);
      if (job === undefined || run.status !== 'waiting' || this.#atWork.has(laneOf(job))) continue;
      const lane = laneOf(job);
      const signal = AbortSignal.any([this.#place.signal, this.#over.signal]);
      const atWork = new RunAtWork(run, job, {
        ...this.#options,
        metrics: this.#metrics,
        ledger: this.#ledger,
        signal,
      });
      const done = atWork
        .carryOut(run)
        .catch((error: unknown) => {
          if (!signal.aborted) this.#fault = error;
        })
        .finally(() => {
          this.#atWork.delete(lane);
          this.#begin();
        });
      this.#atWork.set(lane, { run: atWork, done });
    }
  }

  #laneOf(run: JobRun): string {
    const job = this.#options.jobs.find(({ name }) => name === run.job);
    return job === undefined ? run.job : laneOf(job);
  }

  #positions(): readonly OffsetCommit[] {
    const [offset = 0] = this.#requests.positions;
    return [this.#requestsUpTo(offset), ...this.#events.positions];
  }

  #requestsUpTo(offset: number): OffsetCommit {
    return { topic: this.#options.topics['job-requests'].name, partition: 0, offset };
  }
}
