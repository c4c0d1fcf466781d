import { type MessagePort, type ResourceLimits, type Transferable, Worker } from 'node:worker_threads';
import { type Answer, type Answers, type FromThread, PendingCalls, type ToThread } from './calls.ts';
import { toError } from './failure.ts';

/** A thread that runs. */
export type ThreadLink = {
  readonly port: Worker | MessagePort;
  /** Resolves when it is gone and its last message was delivered: with an error that nobody in it has caught. */
  readonly exited: Promise<unknown>;
};

export type WorkerOptions = {
  /** For `serveThread`. */
  readonly input?: unknown;
  /** Parts of `input` that are moved, such as ports. */
  readonly moved?: Transferable[];
  readonly name?: string;
  /** Limits of the JavaScript heap; typed arrays are allocated outside of it. */
  readonly limits?: ResourceLimits | undefined;
};

export function startWorker(entry: URL, { input, moved = [], name, limits }: WorkerOptions = {}): ThreadLink {
  const worker = new Worker(entry, {
    workerData: input,
    transferList: moved,
    ...(name !== undefined && { name }),
    ...(limits && { resourceLimits: limits }),
  });
  let fault: unknown;
  worker.once('error', (error) => {
    fault = error;
  });
  return { port: worker, exited: new Promise((resolve) => worker.once('exit', () => resolve(fault))) };
}

export type ThreadOptions<E> = {
  readonly onEvent?: (event: E) => void;
  /** The error of calls to a thread that is gone; `fault` is what nobody in it has caught, if anything. */
  readonly gone: (fault: unknown) => Error;
};

/** Another thread, which runs `serveThread` or `serveCalls`, as its starter sees it. */
export class Thread<A extends Answers, E = never, R = void> {
  /** Rejects when the thread can't open what it needs, or is gone before. */
  readonly ready: Promise<R>;
  /** Resolves when the thread is gone: with the error that has ended it, undefined where it was told to stop. */
  readonly ended: Promise<Error | undefined>;
  readonly #port: ThreadLink['port'];
  readonly #calls = new PendingCalls();
  #isStopping = false;
  #failure: Error | undefined;
  #gone: Error | undefined;

  constructor({ port, exited }: ThreadLink, { onEvent, gone }: ThreadOptions<E>) {
    const ready = Promise.withResolvers<R>();
    this.#port = port;
    this.ready = ready.promise;
    this.ready.catch(() => {});
    port.on('message', (message: FromThread<E, R>) => {
      if ('id' in message) this.#calls.settle(message);
      else if ('event' in message) onEvent?.(message.event);
      else if ('failed' in message) this.#failure = toError(message.failed);
      else ready.resolve(message.ready);
    });
    this.ended = exited.then((fault) => {
      const wasTold = this.#isStopping && fault === undefined && this.#failure === undefined;
      this.#gone = this.#failure ?? gone(fault);
      this.#calls.end(this.#gone);
      ready.reject(this.#gone);
      return wasTold ? undefined : this.#gone;
    });
  }

  get hasEnded(): boolean {
    return this.#gone !== undefined;
  }

  /** Rejects with the thread's error, or with `gone` when the thread is. */
  call<N extends keyof A & string>(name: N, ...[argument]: Parameters<A[N]>): Promise<Answer<A, N>> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    return this.#calls.call((id) => this.#tell({ id, name, argument }));
  }

  /** Lets the thread answer what it was asked, and end. Never rejects: how it ended is for `ended` to say. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    if (!this.hasEnded) this.#tell('stop');
    await this.ended;
  }

  /** Ends it in the midst of its work: only for one that runs no native code, which would end the process. Calls reject with `gone`. */
  async abandon(): Promise<void> {
    this.#isStopping = true;
    if (this.#port instanceof Worker) await this.#port.terminate();
    await this.ended;
  }

  #tell(message: ToThread): void {
    this.#port.postMessage(message, []);
  }
}
