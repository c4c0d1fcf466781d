import { Worker } from 'node:worker_threads';
import type { EmbeddedLog } from '#engine/log';
import { FatalError, invariant } from '#platform';
import type {
  Answers,
  Failure,
  FromWorker,
  ProcessingProgress,
  Question,
  ToWorker,
  WorkerInput,
} from './messages.ts';

export type ProcessingOptions = Omit<WorkerInput, 'connection'> & {
  readonly log: Pick<EmbeddedLog, 'connect'>;
  /** Told every 200 ms at most. */
  readonly onProgress?: (progress: ProcessingProgress) => void;
};

export interface Processing {
  /** Resolves when everything that is readable now is processed and committed; rejects when processing has failed. */
  untilCaughtUp(): Promise<void>;
  /** The worker's metrics in the Prometheus text format. */
  metrics(): Promise<string>;
  /** Digests of the committed stores: `<task>/<store>` to hexadecimal digits. */
  digests(): Promise<Readonly<Record<string, string>>>;
  /** Rejects with FatalError MR_PROCESSING_FAILED when processing ends by itself; resolves after a stop. */
  readonly ended: Promise<void>;
  /** Commits what is done and ends the worker. Never rejects; how it ended is `ended`'s to say. */
  stop(): Promise<void>;
}

/**
 * Starts the loop topology of a data directory in a worker thread. Resolves when its tasks are restored; rejects
 * with FatalError MR_PROCESSING_FAILED when they can't be.
 */
export async function startProcessing({
  log,
  onProgress,
  dataDirectory,
  configuration,
}: ProcessingOptions): Promise<Processing> {
  const processing = new WorkerProcessing(log, { dataDirectory, configuration }, onProgress);
  await processing.started;
  return processing;
}

type Waiting = { readonly resolve: (answer: unknown) => void; readonly reject: (error: unknown) => void };

class WorkerProcessing implements Processing {
  readonly started: Promise<void>;
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onProgress: ((progress: ProcessingProgress) => void) | undefined;
  #asked = 0;
  #hasEnded = false;
  #stopping = false;
  #failure: FatalError | undefined;

  constructor(
    log: Pick<EmbeddedLog, 'connect'>,
    input: Omit<WorkerInput, 'connection'>,
    onProgress: ((progress: ProcessingProgress) => void) | undefined,
  ) {
    this.#onProgress = onProgress;
    const connection = log.connect();
    this.#worker = new Worker(new URL('./processing-worker.ts', import.meta.url), {
      workerData: { connection, ...input } satisfies WorkerInput,
      transferList: [connection],
      name: 'processing',
    });
    const started = Promise.withResolvers<void>();
    this.started = started.promise;
    this.ended = new Promise((resolve, reject) => {
      this.#worker.on('error', (thrown) => {
        const error = thrown as Error;
        this.#failure ??= failed({
          message: error.message,
          code: undefined,
          hint: undefined,
          stack: error.stack,
        });
      });
      this.#worker.once('exit', () => {
        const error = this.#end();
        started.reject(error);
        if (this.#failure === undefined && this.#stopping) resolve();
        else reject(error);
      });
    });
    // Whoever does not look at `ended` learns of a failure by the next call.
    this.ended.catch(() => {});
    this.#worker.on('message', (message: FromWorker) => this.#receive(message, started.resolve));
  }

  #receive(message: FromWorker, started: () => void): void {
    switch (message.kind) {
      case 'started':
        started();
        return;
      case 'progress':
        this.#onProgress?.(message.progress);
        return;
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.answer);
        this.#waiting.delete(message.id);
        return;
      case 'failed':
        this.#failure = failed(message.failure);
    }
  }

  /** The thread is gone: nobody will be answered any more. */
  #end(): FatalError {
    this.#hasEnded = true;
    const error = this.#failure ?? stopped();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    return error;
  }

  async untilCaughtUp(): Promise<void> {
    await this.#ask('until-caught-up');
  }

  metrics(): Promise<string> {
    return this.#ask('metrics');
  }

  digests(): Promise<Readonly<Record<string, string>>> {
    return this.#ask('digests');
  }

  #ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    if (this.#hasEnded) return Promise.reject(this.#failure ?? stopped());
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (answer) => resolve(answer as Answers[Q]), reject });
      this.#tell({ kind: 'ask', id, question });
    });
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    if (!this.#hasEnded) this.#tell({ kind: 'stop' });
    await this.ended.catch(() => {});
    invariant(this.#hasEnded, 'a stopped worker has ended');
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

function failed({ message, code, hint, stack }: Failure): FatalError {
  const cause = Object.assign(new Error(message), { code, stack });
  return new FatalError(
    'MR_PROCESSING_FAILED',
    `Processing has ended: ${code === undefined ? '' : `${code}: `}${message}`,
    {
      hint: hint ?? 'Start again: processing goes on from the last commit.',
      cause,
    },
  );
}

function stopped(): FatalError {
  return new FatalError('MR_PROCESSING_FAILED', 'Processing was stopped.', {
    hint: 'Start again: processing goes on from the last commit.',
  });
}
