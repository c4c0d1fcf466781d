import { FatalError, InputError, RetryableError } from '#platform';

export function overlapping(other: string): FatalError {
  return new FatalError('MR_JOB_OVERLAP', `${other} was still active.`, {
    hint: 'Run it less often, or change jobs.overlap (training.overlap for trainings).',
  });
}

export function cancelled(why: string): FatalError {
  return new FatalError('MR_JOB_CANCELLED', `The run was cancelled: ${why}.`, {
    hint: 'Run it again if needed: millrace jobs run NAME',
  });
}

export function overdue(deadlineMs: number): FatalError {
  const minutes = Number((deadlineMs / 60_000).toFixed(1));
  return new FatalError('MR_JOB_DEADLINE', `The run was not finished after ${minutes} minutes.`, {
    hint: 'Raise jobs.deadlineMinutes, or find out what the job waits for.',
  });
}

export function interrupted(owner: string | null): RetryableError {
  return new RetryableError('MR_JOB_INTERRUPTED', `Process ${owner ?? '?'} ended during the attempt.`, {
    hint: 'It is tried again.',
  });
}

export function abandoned(attempts: number): FatalError {
  const times = attempts === 1 ? 'once' : `${attempts} times`;
  return new FatalError('MR_JOB_ABANDONED', `The run was begun ${times}, and the process ended each time.`, {
    hint: 'Find out what ends the process, most likely memory; then run the job again.',
  });
}

export function unknownJob(name: string, known: readonly string[]): InputError {
  return new InputError('MR_JOB_UNKNOWN', `There is no job ${JSON.stringify(name)}.`, {
    hint: `Jobs are ${known.join(', ')}.`,
  });
}
