import { MessageChannel, type ResourceLimits } from 'node:worker_threads';
import { hostThreads, modelModules, type TrainingProgress } from '#models';
import { FatalError, startWorker, Thread } from '#platform';
import type { Snapshot } from '#schemas';
import type { VersionTraining } from '../lesson.ts';
import { asMemoryError } from './training-faults.ts';
import type { EpochValues, TrainingAnswers, TrainingEvent, TrainingInput } from './training-thread.ts';
import type { InForce, TrainedVersion, TrainingOutcome } from './version-training.ts';

export type RunThreadOptions = {
  /** Stops the training at its next update; what is under way then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each update. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (epoch: number, step: number, values: EpochValues) => void;
  /** Limits of the JavaScript heap; typed arrays are allocated outside of it. */
  readonly limits?: ResourceLimits;
};

/**
 * A training in a thread of its own, which keeps data and weights between its steps. Errors of each step: those of
 * VersionTrainer; FatalError MR_TRAINING_THREAD where the thread ends by itself.
 */
export class RunThread {
  readonly #thread: Thread<TrainingAnswers, TrainingEvent>;
  readonly #signal: AbortSignal | undefined;
  readonly #stop: () => void;

  constructor(what: VersionTraining, { signal, limits, onProgress, onEpoch }: RunThreadOptions = {}) {
    const { port1, port2: host } = new MessageChannel();
    const furtherThreads = hostThreads(port1);
    const execution = { ...what.execution, host };
    const input: TrainingInput = { ...what, execution, modelModules: modelModules() };
    const entry = new URL('./training-thread.ts', import.meta.url);
    const { port, exited } = startWorker(entry, { input, moved: [host], limits });
    const allExited = exited.then(async (fault) => {
      port1.close();
      await furtherThreads();
      return fault;
    });
    this.#thread = new Thread(
      { port, exited: allExited },
      {
        onEvent: (event) => {
          if (event.kind === 'progress') onProgress?.(event.progress);
          else onEpoch?.(event.epoch, event.step, event.values);
        },
        gone: (fault) => (fault === undefined ? endedByItself() : (asMemoryError(fault) as Error)),
      },
    );
    this.#signal = signal;
    this.#stop = () => void this.#thread.stop();
    signal?.addEventListener('abort', this.#stop);
    if (signal?.aborted) this.#stop();
  }

  train(): Promise<TrainingOutcome> {
    return this.#unlessStopped(() => this.#thread.call('train'));
  }

  /** After `train`. */
  evaluate(inForce?: InForce): Promise<TrainedVersion> {
    return this.#unlessStopped(() => this.#thread.call('evaluate', inForce));
  }

  get hasEnded(): boolean {
    return this.#thread.hasEnded;
  }

  /** Resolves when the thread has ended, and those that computed with it: one inside the native runtime must never be terminated. */
  async close(): Promise<void> {
    this.#signal?.removeEventListener('abort', this.#stop);
    await this.#thread.stop();
  }

  async #unlessStopped<T>(step: () => Promise<T>): Promise<T> {
    this.#signal?.throwIfAborted();
    try {
      return await step();
    } catch (error) {
      throw this.#signal?.aborted ? this.#signal.reason : error;
    }
  }
}

export type TrainingOptions = Omit<VersionTraining, 'snapshot'> & RunThreadOptions;

/** Trains a version in a thread of its own, outside of any run. The promise settles when the thread has ended. */
export async function trainFromSnapshot(
  snapshot: Snapshot,
  options: TrainingOptions,
): Promise<TrainedVersion> {
  const { signal, onProgress: _, onEpoch: __, limits: ___, ...what } = options;
  signal?.throwIfAborted();
  const thread = new RunThread({ ...what, snapshot }, options);
  try {
    await thread.train();
    return await thread.evaluate();
  } finally {
    await thread.close();
  }
}

function endedByItself(): FatalError {
  return new FatalError('MR_TRAINING_THREAD', 'The thread of the training ended unexpectedly.', {
    hint: "Look at the system's log for the process; restart the training.",
  });
}
