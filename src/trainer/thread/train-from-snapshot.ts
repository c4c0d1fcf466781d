import type { Snapshot } from '#schemas';
import { RunThread, type RunThreadOptions } from './run-thread.ts';
import type { TrainedVersion, VersionTraining } from './version-training.ts';

export type TrainingOptions = Omit<VersionTraining, 'snapshot'> & RunThreadOptions;

/** Trains a version in a thread of its own, outside of any run. The promise settles when the thread has ended. */
export async function trainFromSnapshot(
  snapshot: Snapshot,
  { signal, onProgress, onEpoch, limits, ...what }: TrainingOptions,
): Promise<TrainedVersion> {
  signal?.throwIfAborted();
  const thread = new RunThread(
    { ...what, snapshot },
    {
      ...(signal && { signal }),
      ...(onProgress && { onProgress }),
      ...(onEpoch && { onEpoch }),
      ...(limits && { limits }),
    },
  );
  try {
    await thread.train();
    return await thread.evaluate();
  } finally {
    await thread.close();
  }
}
