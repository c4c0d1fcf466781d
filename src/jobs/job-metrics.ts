import type { Counter, Gauge, Metrics } from '#platform';
import type { JobRun } from '#schemas';
import { isOver } from './run.ts';

/** What the owner of the jobs shows of them. Jobs have label `name`: `job` is Prometheus' own. */
export class JobMetrics {
  readonly #ended: Counter<'name' | 'status'>;
  readonly #retries: Counter<'name'>;
  readonly #failing: Gauge<'name'>;
  readonly #running: Gauge<'name'>;
  readonly #paused: Gauge<'name'>;
  readonly #succeededAt: Gauge<'name'>;
  /** By job: the runs that are under way. */
  readonly #underWay = new Map<string, Set<string>>();

  constructor(metrics: Metrics) {
    const ended = 'Runs of jobs that have ended, by status.';
    this.#ended = metrics.counter('job_runs_total', ended, ['name', 'status']);
    const retried = 'Attempts of runs of jobs that failed and were tried again.';
    this.#retries = metrics.counter('job_retries_total', retried, ['name']);
    const failing = '1 while the last run of a job, of those that were not skipped, failed.';
    this.#failing = metrics.gauge('job_failing', failing, ['name']);
    this.#running = metrics.gauge('job_running', '1 while a run of a job is under way.', ['name']);
    this.#paused = metrics.gauge('job_paused', '1 while a job is paused.', ['name']);
    const succeeded = 'When the last run of a job that succeeded ended, ms since 1970.';
    this.#succeededAt = metrics.gauge('job_succeeded_at_ms', succeeded, ['name']);
  }

  changed(run: JobRun): void {
    if (isOver(run)) this.#ended.inc({ name: run.job, status: run.status });
    this.show(run);
  }

  /** Shows how the job stands after a run, without counting the run: it may be from before. */
  show({ job: name, run_id, status, ended }: JobRun): void {
    const underWay = this.#underWay.get(name) ?? new Set();
    this.#underWay.set(name, underWay);
    if (status === 'running') underWay.add(run_id);
    else underWay.delete(run_id);
    this.#running.set({ name }, underWay.size > 0 ? 1 : 0);
    if (status === 'succeeded') this.#succeededAt.set({ name }, ended ?? 0);
    if (status === 'succeeded' || status === 'failed') {
      this.#failing.set({ name }, status === 'failed' ? 1 : 0);
    }
  }

  retried(name: string): void {
    this.#retries.inc({ name });
  }

  paused(name: string, isPaused: boolean): void {
    this.#paused.set({ name }, isPaused ? 1 : 0);
  }

  /** Another process tells how the jobs stand from now on. */
  clear(): void {
    for (const gauge of [this.#failing, this.#running, this.#paused, this.#succeededAt]) gauge.reset();
  }
}
