/**
 * Jobs: what is carried out again and again, by schedule, by how much is new, by an event, at a start or by hand.
 *
 * It promises that of all processes on a log one is the owner of the jobs; that each run is an event-sourced record on topic
 * `job-runs`, retried with growing pauses and given up at its deadline as its job's policy says; and that a run whose
 * process ended is found by the next owner. What a job does is left to its room: it is a port (job.ts). A run may be begun
 * a second time after a crash, so work has to be idempotent under its run's id.
 */
export { type RetryPolicy, runGraph, type Step, type StepEvent } from './graph.ts';
export type { Job, JobContext, JobDeclaration, JobOutcome, JobPolicy, JobProgress } from './job.ts';
export { readJobRuns, readJobStates } from './ledger.ts';
export { type ListedJob, listJobs } from './listing.ts';
export { type Requested, requestJob, requireJob } from './request.ts';
export { registerJobRoutes } from './routes.ts';
export { errorOf as errorOfJobRun, isOver as isJobRunOver, isUndone as isJobRunUndone } from './run.ts';
export { JOBS_GROUP, runJobs, type SchedulerOptions } from './scheduler.ts';
export { readWhen, type When } from './when.ts';
