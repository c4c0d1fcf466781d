import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { TrainingProgress } from '#models';
import { invariant } from '#platform';
import type { Snapshot } from '#schemas';
import { type TrainingMessage, toError } from './training-messages.ts';
import type { TrainedVersion, VersionTraining } from './version-training.ts';

export type TrainingOptions = Omit<VersionTraining, 'snapshot'> & {
  /** Called after each step. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  /** Stops the training at its next step; the promise then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
};

/**
 * Trains a version in a thread of its own. The promise settles when the thread has ended; a thread inside the native
 * runtime must never be terminated. Errors: FatalError MR_SNAPSHOT_CORRUPT, MR_MODEL_DIVERGED.
 */
export async function trainFromSnapshot(
  snapshot: Snapshot,
  options: TrainingOptions,
): Promise<TrainedVersion> {
  const { onProgress, signal, dataDirectory, seed, config } = options;
  signal?.throwIfAborted();
  const workerData: VersionTraining = { snapshot, dataDirectory, seed, config };
  const worker = new Worker(new URL('./training-thread.ts', import.meta.url), { workerData });
  let outcome: Exclude<TrainingMessage, { kind: 'progress' }> | undefined;
  worker.on('message', (message: TrainingMessage) => {
    if (message.kind === 'progress') onProgress?.(message.progress);
    else outcome = message;
  });
  const stop = () => worker.postMessage('stop');
  signal?.addEventListener('abort', stop);
  try {
    await once(worker, 'exit');
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  if (outcome?.kind === 'trained') return outcome.result;
  signal?.throwIfAborted();
  invariant(outcome?.kind === 'failed', 'the training thread ended without a word');
  throw toError(outcome.failure);
}
