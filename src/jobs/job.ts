/** The port of what is carried out again and again. */
import type { JobTrigger } from '#schemas';
import type { When } from './when.ts';

/** What a run came to where it did not fail. */
export type JobOutcome = {
  /** In words, for the history. */
  readonly text: string;
  /** There was nothing to do. */
  readonly isSkipped?: boolean;
};

export type JobContext = {
  /** The same for each attempt, in whichever process: what is asked for under it is asked for once. */
  readonly runId: string;
  readonly trigger: JobTrigger;
  /** Aborted when the run is given up, or the process is to stop. */
  readonly signal: AbortSignal;
  /** Aborted only when the process is to stop: the run goes on elsewhere. */
  readonly stopping: AbortSignal;
};

export type JobPolicy = {
  /** What happens to a run that is due while another one is active: it is skipped, it waits, or it takes that one's place. */
  readonly overlap: 'skip' | 'queue' | 'replace';
  /** After which a run has failed, counted again by a process that goes on with it; undefined where the work has its own. */
  readonly deadlineMs: number | undefined;
  /** How often it is tried again after an error that may pass, and after the process ended in the middle. */
  readonly retries: number;
};

/** What counts and intervals are measured from, where that is not the job's own last run. */
export interface JobProgress {
  /** Records since then. */
  newRecords(): Promise<number>;
  /** That time, ms since the epoch. */
  lastMs(): Promise<number>;
  close(): Promise<void>;
}

/**
 * One run of a job is carried out at a time, by the owner of the jobs. An owner that was expelled from the group may still be at work
 * for a moment when the next one begins, so work has to bear that: its effects are idempotent, or fenced by the log.
 */
export type Job = JobDeclaration & {
  readonly progress?: JobProgress;
  /** Asked when a schedule's time has come: false lets it pass without a run. */
  readonly isWorthwhile?: () => Promise<boolean>;
  /** Names work of the same kind that no job has begun: to be skipped for, where the policy says so. */
  readonly otherWork?: () => Promise<string | undefined>;
  /** A RetryableError is tried again with growing pauses. */
  readonly work: (context: JobContext) => Promise<JobOutcome>;
};

/** A job as it is listed. */
export type JobDeclaration = {
  readonly name: string;
  readonly about: string;
  readonly when: readonly When[];
  readonly policy: JobPolicy;
  /** Jobs of a lane never run side by side, and their overlap counts across them; by default its name. */
  readonly lane?: string;
};

export const laneOf = ({ name, lane = name }: JobDeclaration): string => lane;
