/**
 * Training: from the examples on the log to a version that can serve.
 *
 * Each training is a run, an event-sourced record on topic `runs`, requested by a command, a job (`#jobs`) or an
 * announced snapshot. It goes through a small graph of steps (snapshot, train, evaluate, publish)
 * with retries, a deadline and checkpoints; only the active trainer of the group writes runs, so none is carried out
 * twice. A training reads a snapshot (`#offline`) and nothing else, so an equal snapshot, seed and configuration give an
 * equal version. Whether a version is promoted is the business of the topology that owns `versions`.
 */
export { declareTrainingJobs } from './jobs/declared.ts';
export { openTrainingJobs } from './jobs/training-jobs.ts';
export { type JudgedVersion, judgeVersion } from './judge-version.ts';
export type { Judgement, Judgements } from './lesson.ts';
export { readRuns } from './runs/ledger.ts';
export { isOver } from './runs/run.ts';
export { verifyFiles as verifySnapshotFiles } from './snapshot-checks.ts';
export { type TrainingOptions, trainFromSnapshot } from './thread/run-thread.ts';
export type { TrainedVersion } from './thread/version-training.ts';
export { Trainer, type TrainingResult, type Wanted } from './trainer.ts';
export {
  defaultPlan,
  defaultTraining,
  requestedOptions,
  type SnapshotPlan,
  type TrainerOptions,
  type TrainingPlan,
} from './trainer-options.ts';
