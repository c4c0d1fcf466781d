import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { FeatureValues } from '#models';
import { FatalError } from '#platform';
import type { ThreadError } from './messages.ts';
import type { FromRanking, RankingThreadData, ToRanking } from './ranking-messages.ts';

type Waiting = { resolve(scores: Float64Array): void; reject(error: Error): void };

/** A model from outside in a thread of its own, which scores rows of features request after request. */
export class RankingThread {
  readonly #worker: Worker;
  readonly #exited: Promise<unknown>;
  readonly #waiting: Waiting[] = [];
  #failure: FatalError | undefined;
  #stopping = false;
  readonly #died = Promise.withResolvers<Error>();

  private constructor(worker: Worker, exited: Promise<unknown>) {
    this.#worker = worker;
    this.#exited = exited;
    worker.on('message', (message: FromRanking) => this.#receive(message));
    worker.on('error', (error) => this.#end(error));
    worker.on('exit', () => this.#end(undefined));
  }

  /** FatalError with the model's code when it cannot be loaded, or fails in its probe. */
  static async start(workerData: RankingThreadData): Promise<RankingThread> {
    const worker = new Worker(new URL('./ranking-main.ts', import.meta.url), { workerData });
    const exited = once(worker, 'exit');
    exited.catch(() => {});
    const first = Promise.race([once(worker, 'message'), exited.then(() => [undefined])]);
    const [message] = (await first) as [FromRanking | undefined];
    if (message?.kind === 'ready') return new RankingThread(worker, exited);
    await exited;
    throw failure(message?.kind === 'failed' ? message.error : undefined);
  }

  /** A finite score for each row. Rejects with FatalError when the model fails over them, or the thread has ended. */
  score(rows: readonly FeatureValues[]): Promise<Float64Array> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined || this.#stopping) {
        reject(this.#failure ?? ended());
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#post({ kind: 'score', rows });
    });
  }

  /** Resolves with the reason when the thread ends by itself. */
  get died(): Promise<Error> {
    return this.#died.promise;
  }

  /** Answers what was asked, then ends the thread. */
  async close(): Promise<void> {
    if (!this.#stopping && this.#failure === undefined) this.#post({ kind: 'stop' });
    this.#stopping = true;
    await this.#exited.catch(() => {});
  }

  #receive(message: FromRanking): void {
    const waiting = this.#waiting.shift();
    if (message.kind !== 'scores') {
      waiting?.reject(failure(message.kind === 'failed' ? message.error : undefined));
      return;
    }
    const wrong = message.scores.find((score) => !Number.isFinite(score));
    if (wrong === undefined) waiting?.resolve(message.scores);
    else waiting?.reject(failure({ code: 'MR_MODEL_PROBE', message: `it scores an item with ${wrong}` }));
  }

  #end(cause: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = ended(cause);
    if (!this.#stopping) this.#died.resolve(this.#failure);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }

  #post(message: ToRanking): void {
    this.#worker.postMessage(message);
  }
}

function failure(error: ThreadError | undefined): FatalError {
  if (error === undefined) return ended();
  return new FatalError(error.code, `The model that ranks failed: ${error.message}`, {
    hint: 'Roll the version back, and publish one that fits: millrace rollback VERSION.',
  });
}

function ended(cause?: unknown): FatalError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new FatalError('MR_INFERENCE_ENDED', `The thread of the model that ranks has ended${why}.`, {
    hint: 'The version is loaded again by itself; report what the log says.',
    cause,
  });
}
