import { once } from 'node:events';
import { type MessagePort, Worker } from 'node:worker_threads';
import { ConfigurationError, FatalError, type Logger } from '#platform';
import { fromWireError } from '../../log/errors.ts';
import type { RuntimeStatus } from '../status.ts';
import type { FromThread, ThreadInput, ToThread } from './messages.ts';

export type ThreadsOptions = {
  /** A module that exports `declare` (DeclareThread): what each thread runs. */
  readonly module: URL;
  readonly threads: number;
  /** This process's name within the group; its threads are `<instanceId>-0` and so on. */
  readonly instanceId: string;
  /** Given to `declare`; survives a structured clone. */
  readonly data?: unknown;
  /** Gives each thread a connection to the process's log: `connect` of the embedded log. */
  readonly connect?: () => MessagePort;
  /**
   * When a thread fails: 'stop' (the default) stops the others, 'go-on' leaves its tasks to them, until the last one
   * has failed.
   */
  readonly onFailure?: 'stop' | 'go-on';
  readonly logger: Logger;
};

export interface StreamThreads {
  /** Resolves when all have ended as they were told; rejects with a thread's error when they ended because of it. */
  readonly done: Promise<void>;
  /** One for each thread that runs. */
  status(): Promise<RuntimeStatus[]>;
  /** Commits what is done and ends all threads, then resolves or rejects as `done` does. */
  stop(): Promise<void>;
}

/**
 * Runs a topology on worker threads of this process. Each is a member of the group with a runtime of its own; they share
 * the tasks as processes do. Resolves when all have started and restored their first tasks.
 */
export async function runOnThreads(options: ThreadsOptions): Promise<StreamThreads> {
  if (!(Number.isInteger(options.threads) && options.threads > 0)) {
    throw new ConfigurationError('MR_THREADS_INVALID', `${options.threads} is no number of threads`, {
      hint: 'use one thread or more, at most as many as there are processors',
    });
  }
  const threads = Array.from({ length: options.threads }, (_, n) => new Thread(options, n));
  const running = new RunningThreads(threads, options);
  await Promise.all(threads.map(({ started }) => started));
  const lost = threads.filter(({ hasEnded }) => hasEnded).length;
  if (lost > (options.onFailure === 'go-on' ? threads.length - 1 : 0)) await running.done;
  return running;
}

class RunningThreads implements StreamThreads {
  readonly done: Promise<void>;
  readonly #threads: readonly Thread[];

  constructor(threads: readonly Thread[], { onFailure = 'stop', logger }: ThreadsOptions) {
    this.#threads = threads;
    const ended = threads.map(async (thread) => {
      const error = await thread.ended;
      if (error === undefined) return undefined;
      logger.error({ err: error, thread: thread.name }, 'a thread has failed');
      if (onFailure === 'stop') for (const other of threads) other.stop();
      return error;
    });
    this.done = Promise.all(ended).then((errors) => {
      const failures = errors.filter((error) => error !== undefined);
      const isLost = onFailure === 'stop' ? failures.length > 0 : failures.length === threads.length;
      if (isLost) throw failures[0];
    });
    this.done.catch(() => {});
  }

  async status(): Promise<RuntimeStatus[]> {
    const statuses = await Promise.all(this.#threads.map((thread) => thread.status()));
    return statuses.filter((status) => status !== undefined);
  }

  stop(): Promise<void> {
    for (const thread of this.#threads) thread.stop();
    return this.done;
  }
}

class Thread {
  readonly name: string;
  /** Resolves when it runs, or has ended before. */
  readonly started: Promise<void>;
  /** The error with which it has ended; undefined where it ended because it was told to. */
  readonly ended: Promise<Error | undefined>;
  readonly #worker: Worker;
  readonly #questions = new Map<number, (status: RuntimeStatus | undefined) => void>();
  #asked = 0;
  #isStopping = false;
  #hasEnded = false;
  #failure: Error | undefined;

  constructor({ module, instanceId, data, connect }: ThreadsOptions, n: number) {
    this.name = `${instanceId}-${n}`;
    const connection = connect?.();
    const input: ThreadInput = {
      module: module.href,
      processId: instanceId,
      instanceId: this.name,
      connection,
      data,
    };
    this.#worker = new Worker(new URL('./thread.ts', import.meta.url), {
      workerData: input,
      transferList: connection === undefined ? [] : [connection],
      name: this.name,
    });
    const started = Promise.withResolvers<void>();
    this.started = started.promise;
    this.#worker.on('message', (message: FromThread) => {
      if (message.kind === 'started') started.resolve();
      else if (message.kind === 'failed') this.#failure ??= fromWireError(message.error);
      else this.#answer(message.id, message.status);
    });
    this.#worker.on('error', (error: Error) => {
      this.#failure ??= error;
    });
    this.ended = once(this.#worker, 'exit').then(() => {
      const error = this.#end();
      started.resolve();
      return error;
    });
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  #end(): Error | undefined {
    this.#hasEnded = true;
    for (const id of [...this.#questions.keys()]) this.#answer(id, undefined);
    if (this.#failure !== undefined || this.#isStopping) return this.#failure;
    return new FatalError('MR_THREAD_ENDED', `thread ${this.name} ended without having been told to`, {
      hint: 'something in it has called process.exit(); look for what it last logged',
    });
  }

  #answer(id: number, status: RuntimeStatus | undefined): void {
    this.#questions.get(id)?.(status);
    this.#questions.delete(id);
  }

  stop(): void {
    this.#isStopping = true;
    this.#tell({ kind: 'stop' });
  }

  /** Undefined when it has ended. */
  async status(): Promise<RuntimeStatus | undefined> {
    if (this.#hasEnded) return undefined;
    const id = this.#asked++;
    return new Promise((resolve) => {
      this.#questions.set(id, resolve);
      this.#tell({ kind: 'status', id });
    });
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}
