import { type Clock, errorCode, type Logger } from '#platform';
import type { JobRun } from '#schemas';
import { runGraph, type Step, type StepEvent } from './graph.ts';
import type { Job, JobOutcome } from './job.ts';
import type { JobMetrics } from './job-metrics.ts';
import type { JobLedger } from './ledger.ts';
import { overdue } from './refusals.ts';
import { ended, errorFields } from './run.ts';

const BACKOFF = { firstMs: 1_000, longestMs: 60_000 };

export type RunEnvironment = {
  readonly ledger: JobLedger;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: JobMetrics;
  readonly random: () => number;
  readonly instanceId: string;
  /** Ends the work and leaves the run as it is, for whoever goes on with it. */
  readonly signal: AbortSignal;
};

/** One run at work. */
export class RunAtWork {
  readonly runId: string;
  readonly job: Job;
  readonly #environment: RunEnvironment;
  readonly #givenUp = new AbortController();
  /** An attempt is counted that has not failed by itself. */
  #isAttempting = false;

  constructor(run: JobRun, job: Job, environment: RunEnvironment) {
    this.runId = run.run_id;
    this.job = job;
    this.#environment = environment;
  }

  /** Resolves when the work has ended, which may be after the run is over. Rejects where the log fails, and on the signal. */
  async carryOut(run: JobRun): Promise<void> {
    const { clock, signal, random } = this.#environment;
    const { deadlineMs, retries } = this.job.policy;
    const done = new AbortController();
    const deadline = deadlineMs === undefined ? undefined : this.#giveUpAfter(deadlineMs, done.signal);
    // Its failure is the ledger's, which ends the owner; it is met below, when the work has ended.
    deadline?.catch(() => {});
    const step: Step<JobOutcome> = {
      name: this.job.name,
      after: [],
      signal: this.#givenUp.signal,
      attemptsBefore: run.attempts,
      work: () => this.#work(run),
    };
    try {
      // Attempts before an owner change count: a job that fails each time is not begun again for ever.
      const retry = { ...BACKOFF, retries: Math.max(0, retries - run.attempts), random };
      const record = (_: Step<JobOutcome>, event: StepEvent<JobOutcome>) => this.#record(event);
      await runGraph([step], { clock, retry, signal, isFault, record });
    } catch (error) {
      if (signal.aborted) await this.#handBack();
      throw error;
    } finally {
      done.abort();
      await deadline;
    }
  }

  /** The run is over at once; its work is asked to end. */
  async giveUp(status: 'failed' | 'cancelled', error: Error): Promise<void> {
    const { ledger, clock } = this.#environment;
    await ledger.change(this.runId, (run) => ended(run, status, clock.now(), error));
    this.#givenUp.abort(error);
  }

  /** An orderly end is no failed attempt. Where the place is lost, the next owner has the run from the log. */
  async #handBack(): Promise<void> {
    const attempted = this.#isAttempting ? 1 : 0;
    const back = (run: JobRun): JobRun => ({
      ...run,
      status: 'waiting',
      attempts: run.attempts - attempted,
    });
    await this.#environment.ledger.change(this.runId, back).catch(() => {});
  }

  async #giveUpAfter(deadlineMs: number, done: AbortSignal): Promise<void> {
    const { clock, logger, signal } = this.#environment;
    await clock.sleep(deadlineMs, AbortSignal.any([done, signal]));
    if (done.aborted || signal.aborted) return;
    const error = overdue(deadlineMs);
    logger.error({ job: this.job.name, run: this.runId, err: error }, 'a job has failed');
    await this.giveUp('failed', error);
  }

  #work({ run_id: runId, trigger }: JobRun): Promise<JobOutcome> {
    const stopping = this.#environment.signal;
    const signal = AbortSignal.any([stopping, this.#givenUp.signal]);
    return this.job.work({ runId, trigger, signal, stopping });
  }

  async #record(event: StepEvent<JobOutcome>): Promise<void> {
    const { ledger, clock, logger, metrics, instanceId } = this.#environment;
    const now = clock.now();
    const change = (changed: (run: JobRun) => JobRun) => ledger.change(this.runId, changed);
    const about = { job: this.job.name, run: this.runId };
    if (event.kind === 'started') {
      await change((run) => {
        return {
          ...run,
          status: 'running',
          attempts: event.attempt,
          started: run.started ?? now,
          owner: instanceId,
        };
      });
      this.#isAttempting = true;
    } else if (event.kind === 'succeeded') {
      const { text, isSkipped = false } = event.result;
      await change((run) => ({ ...ended(run, isSkipped ? 'skipped' : 'succeeded', now), outcome: text }));
    } else if (event.kind === 'retrying') {
      metrics.retried(this.job.name);
      logger.warn({ ...about, err: event.error, inMs: event.inMs }, 'a job is tried again');
      await change((run) => ({ ...run, ...errorFields(event.error) }));
      this.#isAttempting = false;
    } else if (event.kind === 'failed' && !this.#givenUp.signal.aborted) {
      logger.error({ ...about, err: event.error }, 'a job has failed');
      await change((run) => ({ ...ended(run, 'failed', now), ...errorFields(event.error) }));
    }
  }
}

/** Whether it is not a job that has failed but the process: nothing can be recorded then. */
function isFault(error: unknown): boolean {
  return ['MR_LOG_CLOSED', 'MR_INVARIANT'].includes(errorCode(error) ?? '');
}
