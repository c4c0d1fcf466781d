import type { JobRun } from '#schemas';
import type { JobDeclaration } from './job.ts';
import { type LedgerSource, readJobRuns, readJobStates } from './ledger.ts';
import { whenText } from './when.ts';

/** A job as people look at it. */
export type ListedJob = {
  readonly job: string;
  readonly about: string;
  /** As options write it; empty for a job that is run by hand alone. */
  readonly when: readonly string[];
  readonly overlap: JobDeclaration['policy']['overlap'];
  readonly deadline_ms: number | null;
  readonly retries: number;
  readonly paused: boolean;
  /** The next time of a schedule, ms since the epoch; null for a job without one, and for a paused one. */
  readonly next: number | null;
  /** The newest run. */
  readonly last: JobRun | null;
};

export async function listJobs(
  source: LedgerSource,
  jobs: readonly JobDeclaration[],
  now: number,
): Promise<readonly ListedJob[]> {
  const [runs, states] = [await readJobRuns(source), await readJobStates(source)];
  return jobs.map(({ name, about, when, policy }) => {
    const paused = states.get(name)?.paused ?? false;
    const times = when.flatMap((each) => (each.kind === 'cron' ? (each.schedule.next(now) ?? []) : []));
    return {
      job: name,
      about,
      when: when.map(whenText),
      overlap: policy.overlap,
      deadline_ms: policy.deadlineMs ?? null,
      retries: policy.retries,
      paused,
      next: paused || times.length === 0 ? null : Math.min(...times),
      last: runs.findLast(({ job }) => job === name) ?? null,
    };
  });
}
