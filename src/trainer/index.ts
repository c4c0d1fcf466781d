/**
 * Training: from the examples on the log to a version that can serve.
 *
 * A snapshot freezes what the log holds as Parquet files, split into train and test; a training reads nothing else, so
 * an equal snapshot and seed give an equal version. The trainer follows `snapshots` and the `train` commands, trains
 * in a thread of its own, and reports each version as a `publish` command. It decides nothing: whether a version is
 * promoted is the business of the topology that owns `versions`. DuckDB stays behind this door.
 */
export type { Judgement, Judgements } from './evaluation.ts';
export { type SnapshotOptions, takeSnapshot } from './snapshot.ts';
export { splitProtocol } from './split.ts';
export { type TrainingOptions, trainFromSnapshot } from './train-from-snapshot.ts';
export { Trainer, type TrainingResult } from './trainer.ts';
export type { TrainerOptions } from './trainer-loop.ts';
export type { TrainedVersion } from './version-training.ts';
