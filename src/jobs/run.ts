import { inspect } from 'node:util';
import { errorCode } from '#platform';
import type { JobRun, JobTrigger } from '#schemas';

export type NewJobRun = {
  readonly runId: string;
  readonly job: string;
  readonly trigger: JobTrigger;
  readonly cause: string;
  readonly now: number;
  readonly counted: readonly number[];
};

export function newRun({ runId, job, trigger, cause, now, counted }: NewJobRun): JobRun {
  return {
    run_id: runId,
    ts: now,
    job,
    trigger,
    cause,
    status: 'waiting',
    attempts: 0,
    created: now,
    started: null,
    ended: null,
    owner: null,
    counted: [...counted],
    outcome: '',
    error_code: null,
    error: null,
  };
}

export function isOver({ status }: JobRun): boolean {
  return status !== 'waiting' && status !== 'running';
}

/** Whether what its job does is left to do. */
export function isUndone({ status }: JobRun): boolean {
  return status === 'failed' || status === 'cancelled';
}

/** Characters of an error's message that are kept: a run that cannot be recorded would end its owner. */
const MESSAGE_KEPT = 10_000;

/** The fields that tell of an error. */
export function errorFields(error: unknown): Pick<JobRun, 'error_code' | 'error'> {
  const message = error instanceof Error ? error.message : inspect(error);
  return { error_code: errorCode(error) ?? 'MR_UNEXPECTED', error: message.slice(0, MESSAGE_KEPT) };
}

/** What a run has come to nothing by; undefined where a later attempt has made up for what one failed with. */
export function errorOf({ status, outcome, error_code: code, error }: JobRun) {
  if (code === null || status === 'succeeded' || outcome !== '') return undefined;
  return { code, message: error ?? '' };
}

export function ended(run: JobRun, status: JobRun['status'], now: number, error?: unknown): JobRun {
  return { ...run, status, ended: now, ...(error !== undefined && errorFields(error)) };
}
