import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { UserInput } from '#models';
import { FatalError, type Histogram, type Metrics } from '#platform';
import type { FromThread, InferenceThreadData, ThreadError, ToThread } from './messages.ts';

/** Beyond this a run takes about as long as two. */
const MAX_BATCH = 256;

type Waiting = {
  readonly input: UserInput;
  resolve(vector: Float32Array): void;
  reject(error: Error): void;
};

/**
 * The user side of a model in a thread of its own. Requests that come while it computes go together into its next run: alone, one
 * waits for nobody; under load, the batches grow by themselves (as in Clipper, Crankshaw et al. 2017, less its delay).
 */
export class InferenceThread {
  /** Length of the vectors. */
  readonly dimension: number;
  readonly #worker: Worker;
  readonly #batches: Histogram;
  readonly #exited: Promise<unknown>;
  #waiting: Waiting[] = [];
  #running: readonly Waiting[] = [];
  #failure: Error | undefined;
  #stopping = false;
  readonly #died = Promise.withResolvers<Error>();

  private constructor(worker: Worker, exited: Promise<unknown>, dimension: number, metrics: Metrics) {
    this.#worker = worker;
    this.#exited = exited;
    this.dimension = dimension;
    const help = 'Users embedded in one run.';
    this.#batches = metrics.histogram('inference_batch_users', help, [], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
    worker.on('message', (message: FromThread) => this.#receive(message));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', () => this.#end(undefined));
  }

  /** FatalError with the model's code when it cannot be loaded. */
  static async start(workerData: InferenceThreadData, metrics: Metrics): Promise<InferenceThread> {
    const worker = new Worker(new URL('./thread-main.ts', import.meta.url), { workerData });
    const exited = once(worker, 'exit');
    exited.catch(() => {});
    const first = Promise.race([once(worker, 'message'), exited.then(() => [undefined])]);
    const [message] = (await first) as [FromThread | undefined];
    if (message?.kind === 'ready') return new InferenceThread(worker, exited, message.dimension, metrics);
    await exited;
    throw failure(message?.kind === 'failed' ? message.error : undefined);
  }

  /** The user's vector. Rejects with FatalError when the model refuses it, or the thread has ended. */
  encode(input: UserInput): Promise<Float32Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined || this.#stopping) {
        reject(this.#failure ?? ended());
        return;
      }
      this.#waiting.push({ input, resolve, reject });
      this.#next();
    });
  }

  /** Resolves with the reason when the thread ends by itself. */
  get died(): Promise<Error> {
    return this.#died.promise;
  }

  /** Answers what was asked, then ends the thread. */
  async close(): Promise<void> {
    this.#stopping = true;
    this.#next();
    await this.#exited.catch(() => {});
  }

  #next(): void {
    if (this.#running.length > 0 || this.#failure !== undefined) return;
    if (this.#waiting.length > 0) {
      this.#running = this.#waiting.splice(0, MAX_BATCH);
      this.#batches.observe(this.#running.length);
      this.#post({ kind: 'encode', inputs: this.#running.map(({ input }) => input) });
    } else if (this.#stopping) this.#post({ kind: 'stop' });
  }

  #receive(message: FromThread): void {
    const done = this.#running;
    this.#running = [];
    if (message.kind === 'vectors') {
      const { vectors } = message;
      done.forEach(({ resolve }, row) => {
        resolve(vectors.subarray(row * this.dimension, (row + 1) * this.dimension));
      });
    } else {
      const error = failure(message.kind === 'failed' ? message.error : undefined);
      for (const { reject } of done) reject(error);
    }
    this.#next();
  }

  #end(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = ended(cause);
    if (!this.#stopping) this.#died.resolve(this.#failure);
    for (const { reject } of [...this.#running, ...this.#waiting]) reject(this.#failure);
    this.#running = [];
    this.#waiting = [];
  }

  #post(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}

function failure(error: ThreadError | undefined): FatalError {
  if (error === undefined) return ended();
  return new FatalError(error.code, `The user tower failed: ${error.message}`, {
    hint: 'The version does not fit its own files: train it again.',
  });
}

function ended(cause?: unknown): FatalError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new FatalError('MR_INFERENCE_ENDED', `The thread that computes user vectors has ended${why}.`, {
    hint: 'The version is loaded again by itself; report what the log says.',
    cause,
  });
}
