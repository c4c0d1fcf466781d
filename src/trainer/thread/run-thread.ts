import { MessageChannel, type ResourceLimits, Worker } from 'node:worker_threads';
import { hostThreads, type TrainingProgress } from '#models';
import { FatalError, toError } from '#platform';
import type { EpochValues, ThreadOrder, ThreadReport } from './messages.ts';
import { asMemoryError } from './training-faults.ts';
import type { InForce, TrainedVersion, TrainingOutcome, VersionTraining } from './version-training.ts';

export type RunThreadOptions = {
  /** Stops the training at its next update; what is under way then rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Called after each update. */
  readonly onProgress?: (progress: TrainingProgress) => void;
  readonly onEpoch?: (epoch: number, step: number, values: EpochValues) => void;
  /** Of the JavaScript heap; typed arrays lie beside it. */
  readonly limits?: ResourceLimits;
};

type Result = Extract<ThreadReport, { kind: 'trained' | 'evaluated' }>;

/**
 * A training in a thread of its own, which keeps data and weights between its steps. Errors of each step: those of
 * VersionTrainer; FatalError MR_TRAINING_THREAD where the thread ends by itself.
 */
export class RunThread {
  readonly #worker: Worker;
  readonly #options: RunThreadOptions;
  readonly #exited = Promise.withResolvers<void>();
  readonly #stop: () => void;
  #waiting: PromiseWithResolvers<Result> | undefined;
  #fault: unknown;
  #hasExited = false;

  constructor(what: VersionTraining, options: RunThreadOptions = {}) {
    const { signal, limits } = options;
    this.#options = options;
    const { port1, port2: host } = new MessageChannel();
    const furtherThreads = hostThreads(port1);
    this.#worker = new Worker(new URL('./training-thread.ts', import.meta.url), {
      workerData: { ...what, execution: { ...what.execution, host } } satisfies VersionTraining,
      transferList: [host],
      ...(limits && { resourceLimits: limits }),
    });
    this.#worker.on('message', (report: ThreadReport) => this.#hear(report));
    this.#worker.on('error', (error) => {
      this.#fault = asMemoryError(error);
    });
    this.#worker.once('exit', () => {
      port1.close();
      void furtherThreads().then(() => this.#end());
    });
    this.#stop = () => this.#tell({ kind: 'stop' });
    signal?.addEventListener('abort', this.#stop);
    if (signal?.aborted) this.#stop();
  }

  async train(): Promise<TrainingOutcome> {
    const result = await this.#ask({ kind: 'train' });
    return (result as Extract<Result, { kind: 'trained' }>).trained;
  }

  /** After `train`. */
  async evaluate(inForce?: InForce): Promise<TrainedVersion> {
    const result = await this.#ask({ kind: 'evaluate', inForce });
    return (result as Extract<Result, { kind: 'evaluated' }>).result;
  }

  get hasEnded(): boolean {
    return this.#hasExited;
  }

  /** Resolves when the thread has ended, and those that computed with it: one inside the native runtime must never be terminated. */
  async close(): Promise<void> {
    this.#options.signal?.removeEventListener('abort', this.#stop);
    this.#tell({ kind: 'end' });
    await this.#exited.promise;
  }

  async #ask(order: ThreadOrder): Promise<Result> {
    this.#options.signal?.throwIfAborted();
    if (this.#hasExited) throw this.#ended();
    this.#waiting = Promise.withResolvers();
    this.#tell(order);
    return this.#waiting.promise;
  }

  #tell(order: ThreadOrder): void {
    if (!this.#hasExited) this.#worker.postMessage(order);
  }

  #hear(report: ThreadReport): void {
    const { onProgress, onEpoch, signal } = this.#options;
    if (report.kind === 'progress') onProgress?.(report.progress);
    else if (report.kind === 'epoch') onEpoch?.(report.epoch, report.step, report.values);
    else if (report.kind === 'failed') this.#waiting?.reject(toError(report.failure));
    else if (report.kind === 'stopped') this.#waiting?.reject(signal?.reason);
    else this.#waiting?.resolve(report);
  }

  #end(): void {
    this.#hasExited = true;
    this.#waiting?.reject(this.#ended());
    this.#waiting?.promise.catch(() => {});
    this.#exited.resolve();
  }

  #ended(): unknown {
    return (
      this.#fault ??
      new FatalError('MR_TRAINING_THREAD', 'The thread of the training has ended by itself.', {
        hint: 'Look at what the system says of the process; start the training again.',
      })
    );
  }
}
