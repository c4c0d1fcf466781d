import {
  type Answer,
  type Answers,
  errorCode,
  FatalError,
  relayed,
  startWorker,
  Thread,
  type WorkerOptions,
} from '#platform';

export type Named = {
  /** As its errors name the model, and its thread. */
  readonly model: string;
  readonly thread: string;
  /** What to do about a model that fails. */
  readonly hint: string;
};

/** A model in a thread of its own. Whatever fails in it is a FatalError: a client's request is not to blame. */
export class ModelThread<A extends Answers, R> {
  /** What the thread has told when it was ready. */
  readonly ready: R;
  /** Resolves with the reason when the thread ends by itself. */
  readonly died: Promise<Error>;
  readonly #thread: Thread<A, never, R>;
  readonly #named: Named;
  #isStopping = false;

  private constructor(thread: Thread<A, never, R>, named: Named, ready: R) {
    this.ready = ready;
    this.#thread = thread;
    this.#named = named;
    this.died = thread.ended.then((error) =>
      error === undefined || this.#isStopping ? new Promise<never>(() => {}) : error,
    );
  }

  /** FatalError with the model's code when it can't be loaded; no thread is left then. */
  static async start<A extends Answers, R = void>(
    entry: URL,
    given: Pick<WorkerOptions, 'input' | 'moved'>,
    named: Named,
  ): Promise<ModelThread<A, R>> {
    const thread = new Thread<A, never, R>(startWorker(entry, given), {
      gone: (fault) => ended(named, fault),
    });
    try {
      return new ModelThread(thread, named, await thread.ready);
    } catch (error) {
      await thread.ended;
      throw failure(named, error);
    }
  }

  /** Rejects with FatalError: with the model's code, or MR_INFERENCE_ENDED when the thread is gone or told to end. */
  async call<N extends keyof A & string>(name: N, ...argument: Parameters<A[N]>): Promise<Answer<A, N>> {
    if (this.#isStopping) throw this.ended();
    try {
      return await this.#thread.call(name, ...argument);
    } catch (error) {
      throw this.failure(error);
    }
  }

  /** An error over what the model computes, as one of the model. */
  failure(cause: unknown): FatalError {
    return failure(this.#named, cause);
  }

  /** The error of calls when the thread is gone: FatalError MR_INFERENCE_ENDED. */
  ended(): FatalError {
    return ended(this.#named);
  }

  /** Answers what was asked, then ends the thread. */
  async close(): Promise<void> {
    this.#isStopping = true;
    await this.#thread.stop();
  }
}

/** What a model has thrown, as an error of the version and not of the request. */
export function failure({ model, hint }: Named, cause: unknown): FatalError {
  const code = errorCode(cause) ?? 'MR_INVARIANT';
  if (code === 'MR_INFERENCE_ENDED') return cause as FatalError;
  return new FatalError(relayed(code), `${model} failed: ${(cause as Error).message}`, { hint, cause });
}

/** The error of calls of a model that has ended. */
export function ended({ thread }: Named, cause?: unknown): FatalError {
  const why = cause instanceof Error ? `: ${cause.message}` : '';
  return new FatalError('MR_INFERENCE_ENDED', `${thread} has ended${why}.`, {
    hint: 'The version is reloaded automatically; report what the log says.',
    cause,
  });
}
