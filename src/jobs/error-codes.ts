/** The error codes of jobs. */
import { type CodesOf, fixConfiguration, fixInput, giveUp, retry } from '#platform';

export const JOBS_ERRORS = {
  MR_JOB_ABANDONED: giveUp`The process ended during each attempt of a run of a job.
    Find out what ends the process, most likely memory or a restart by its supervisor; then run the job again.`,
  MR_JOB_CANCELLED: giveUp`A run of a job was cancelled.
    Run it again if needed: "millrace jobs run NAME".`,
  MR_JOB_DEADLINE: giveUp`A run of a job exceeded its deadline.
    Raise jobs.deadlineMinutes, or find out what the job waits for.`,
  MR_JOB_INTERRUPTED: retry`The process ended during an attempt of a run of a job.
    The next owner of the jobs tries again by itself.`,
  MR_JOB_OVERLAP: giveUp`A run of a job was due while another one was active.
    Run it less often, or change jobs.overlap (training.overlap for trainings).`,
  MR_JOB_SCHEDULE: fixConfiguration`A schedule is malformed.
    Write five fields of cron, such as "0 3 * * *", or "off".`,
  MR_JOB_UNKNOWN: fixInput`There is no job of this name.
    List the jobs: "millrace jobs".`,
};

declare module '#platform' {
  interface ErrorCodes extends CodesOf<typeof JOBS_ERRORS> {}
}
