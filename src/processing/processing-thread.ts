import { Worker } from 'node:worker_threads';
import type { PortRows, TaskRead } from '#engine';
import { FatalError, InputError, invariant, type MillraceError, RetryableError } from '#platform';
import type {
  Answers,
  Failure,
  FromWorker,
  ProcessingProgress,
  Question,
  ToWorker,
  WorkerInput,
} from './messages.ts';

type Waiting = { readonly resolve: (answer: unknown) => void; readonly reject: (error: unknown) => void };

/** One of the threads that process, as the thread that has started it sees it. */
export class ProcessingThread {
  readonly started: Promise<void>;
  /** Rejects with FatalError MR_PROCESSING_FAILED when it ends by itself; resolves after a stop. */
  readonly ended: Promise<void>;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #onProgress: (progress: ProcessingProgress) => void;
  #asked = 0;
  #hasEnded = false;
  #stopping = false;
  #failure: FatalError | undefined;
  #heldUp: string | undefined;

  constructor(input: WorkerInput, onProgress: (progress: ProcessingProgress) => void) {
    this.#onProgress = onProgress;
    const { connection } = input;
    this.#worker = new Worker(new URL('./processing-worker.ts', import.meta.url), {
      workerData: input,
      transferList: connection === undefined ? [] : [connection],
      name: `processing-${input.thread}`,
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
          remedy: undefined,
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
        this.#onProgress(message.progress);
        return;
      case 'held-up':
        this.#heldUp = message.why;
        return;
      case 'answer':
        this.#waiting.get(message.id)?.resolve(message.answer);
        this.#waiting.delete(message.id);
        return;
      case 'refused':
        this.#waiting.get(message.id)?.reject(refusal(message.failure));
        this.#waiting.delete(message.id);
        return;
      case 'failed':
        this.#failure = failed(message.failure);
    }
  }

  /** Why it processes nothing at the moment; undefined where it goes on. */
  get heldUp(): string | undefined {
    return this.#heldUp;
  }

  /** The thread is gone: nobody will be answered any more. */
  #end(): FatalError {
    this.#hasEnded = true;
    const error = this.#failure ?? stopped();
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
    return error;
  }

  ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    return this.#answered((id) => ({ kind: 'ask', id, question }));
  }

  rows(read: TaskRead): Promise<PortRows | undefined> {
    return this.#answered((id) => ({ kind: 'rows', id, read }));
  }

  /** Sends what has the id given, and waits for the answer to it. */
  #answered<A>(message: (id: number) => ToWorker): Promise<A> {
    if (this.#hasEnded) return Promise.reject(this.#failure ?? stopped());
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: (answer) => resolve(answer as A), reject });
      this.#tell(message(id));
    });
  }

  /** Commits what is done and ends the thread. Never rejects; how it ended is `ended`'s to say. */
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

/** An error of the worker's as one of this thread's. */
function refusal({ message, code = 'MR_INVARIANT', hint, stack, remedy }: Failure): MillraceError {
  const details = {
    ...(hint !== undefined && { hint }),
    cause: Object.assign(new Error(message), { stack }),
  };
  if (remedy === 'retry') return new RetryableError(code, message, details);
  if (remedy === 'fix-input') return new InputError(code, message, details);
  return new FatalError(code, message, details);
}

function stopped(): FatalError {
  return new FatalError('MR_PROCESSING_FAILED', 'Processing was stopped.', {
    hint: 'Start again: processing goes on from the last commit.',
  });
}
