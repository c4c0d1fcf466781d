/**
 * Training: from the examples on the log to a version that can serve.
 *
 * A training reads a snapshot (`#offline`) and nothing else, so an equal snapshot and seed give an equal version. The
 * trainer takes snapshots when a command or its schedule says so, trains each new one that is not suspect in a thread of
 * its own, and reports each version as a `publish` command. It decides nothing: whether a version is promoted is the
 * business of the topology that owns `versions`.
 */
export type { Judgement, Judgements } from './evaluation.ts';
export { defaultPlan, requestedOptions, type SnapshotPlan } from './snapshot-plan.ts';
export { type TrainingOptions, trainFromSnapshot } from './train-from-snapshot.ts';
export { Trainer, type TrainingResult } from './trainer.ts';
export type { TrainerOptions } from './trainer-loop.ts';
export type { TrainedVersion } from './version-training.ts';
