import type { Transferable } from 'node:worker_threads';
import { modelModules, type UserInput } from '#models';
import type { Histogram, Metrics } from '#platform';
import { ModelThread } from './model-thread.ts';
import type { InferenceAnswers, InferenceReady, InferenceThreadData } from './thread-main.ts';

/** Beyond this a run takes about as long as two. */
const MAX_BATCH = 256;

export const NAMED = {
  model: 'The user tower',
  thread: 'The thread that computes user vectors',
  hint: 'The version does not match its own files: train it again.',
};

type Waiting = {
  readonly input: UserInput;
  resolve(vector: Float32Array): void;
  reject(error: unknown): void;
};

/**
 * The user side of a model in a thread of its own. Requests that come while it computes go together into its next run: alone, one
 * waits for nobody; under load, the batches grow by themselves (as in Clipper, Crankshaw et al. 2017, less its delay).
 */
export class InferenceThread {
  readonly #thread: ModelThread<InferenceAnswers, InferenceReady>;
  readonly #batches: Histogram;
  #waiting: Waiting[] = [];
  /** While vectors are computed. */
  #running: Promise<void> | undefined;
  #closed: Promise<void> | undefined;

  private constructor(thread: ModelThread<InferenceAnswers, InferenceReady>, metrics: Metrics) {
    this.#thread = thread;
    const help = 'Users embedded in one run.';
    this.#batches = metrics.histogram('inference_batch_users', help, [], [1, 2, 4, 8, 16, 32, 64, 128, 256]);
  }

  /** `moved`: buffers of the files that it is to have alone. FatalError with the model's code when it cannot be loaded. */
  static async start(
    data: InferenceThreadData,
    metrics: Metrics,
    moved: Transferable[] = [],
  ): Promise<InferenceThread> {
    const entry = new URL('./thread-main.ts', import.meta.url);
    const input: InferenceThreadData = { modules: modelModules(), ...data };
    const thread = await ModelThread.start<InferenceAnswers, InferenceReady>(entry, { input, moved }, NAMED);
    return new InferenceThread(thread, metrics);
  }

  /** Length of the vectors. */
  get dimension(): number {
    return this.#thread.ready.dimension;
  }

  /** Resolves with the reason when the thread ends by itself. */
  get died(): Promise<Error> {
    return this.#thread.died;
  }

  /** The user's vector. Rejects with FatalError when the model refuses it, or the thread has ended. */
  encode(input: UserInput): Promise<Float32Array> {
    if (this.#closed !== undefined) return Promise.reject(this.#thread.ended());
    return new Promise((resolve, reject) => {
      this.#waiting.push({ input, resolve, reject });
      this.#running ??= this.#run();
    });
  }

  /** Answers what was asked, then ends the thread. */
  close(): Promise<void> {
    this.#closed ??= Promise.resolve(this.#running).then(() => this.#thread.close());
    return this.#closed;
  }

  async #run(): Promise<void> {
    const { dimension } = this;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting.splice(0, MAX_BATCH);
      this.#batches.observe(batch.length);
      try {
        const inputs = batch.map(({ input }) => input);
        const vectors = await this.#thread.call('encode', inputs);
        batch.forEach(({ resolve }, row) => {
          resolve(vectors.subarray(row * dimension, (row + 1) * dimension));
        });
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    this.#running = undefined;
  }
}
