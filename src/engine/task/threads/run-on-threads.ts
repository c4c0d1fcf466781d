import { once } from 'node:events';
import { type MessagePort, Worker } from 'node:worker_threads';
import { fromWireError } from '#log';
import { ConfigurationError, FatalError, type Logger } from '#platform';
import type { TaskRead } from '../../queries/peers.ts';
import type { PortRows } from '../../queries/port-rows.ts';
import { moving } from '../../queries/rows.ts';
import type { LocalTasks } from '../../queries/store-queries.ts';
import type { TaskOwners } from '../assignment/assignment.ts';
import type { EngineReport } from '../status/introspection-report.ts';
import type { FromThread, ThreadAnswers, ThreadInput, ThreadQuestion, ToThread } from './messages.ts';
import { ThreadTasks } from './thread-tasks.ts';
import { useLargeYoungGeneration } from './young-generation.ts';

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
  /** Stops the threads, also while they start: then what they restore is given up. */
  readonly signal?: AbortSignal;
  readonly logger: Logger;
};

export interface StreamThreads {
  /** Resolves when all have ended as they were told; rejects with a thread's error when they ended because of it. */
  readonly done: Promise<void>;
  /** What each thread that runs is doing, and what has become of the records in its tasks. */
  status(): Promise<EngineReport[]>;
  /** The tasks of all threads, for StoreQueries. */
  readonly tasks: LocalTasks;
  /** Who holds which task, in this process and in others, as of the group's last round: for StoreQueries. */
  owners(): Promise<ReadonlyMap<string, TaskOwners>>;
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
  useLargeYoungGeneration();
  const threads = Array.from({ length: options.threads }, (_, n) => new Thread(options, n));
  const running = new RunningThreads(threads, options);
  const { signal } = options;
  const stop = () => void running.stop().catch(() => {});
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  void running.done.catch(() => {}).then(() => signal?.removeEventListener('abort', stop));
  await Promise.all(threads.map(({ started }) => started));
  const lost = threads.filter(({ hasEnded }) => hasEnded).length;
  if (lost > (options.onFailure === 'go-on' ? threads.length - 1 : 0)) await running.done;
  return running;
}

class RunningThreads implements StreamThreads {
  readonly done: Promise<void>;
  readonly tasks: LocalTasks;
  readonly #threads: readonly Thread[];

  constructor(threads: readonly Thread[], { onFailure = 'stop', logger }: ThreadsOptions) {
    this.#threads = threads;
    this.tasks = new ThreadTasks(threads);
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

  async status(): Promise<EngineReport[]> {
    const reports = this.#threads.map((thread) => thread.ask({ kind: 'report' }).catch(() => undefined));
    return (await Promise.all(reports)).filter((report) => report !== undefined);
  }

  async owners(): Promise<ReadonlyMap<string, TaskOwners>> {
    for (const thread of this.#threads) {
      const owners = await thread.ask({ kind: 'owners' }).catch(() => undefined);
      if (owners !== undefined && owners.size > 0) return owners;
    }
    return new Map();
  }

  stop(): Promise<void> {
    for (const thread of this.#threads) thread.stop();
    return this.done;
  }
}

type Question = { readonly resolve: (answer: unknown) => void; readonly reject: (error: Error) => void };

class Thread {
  readonly name: string;
  /** Resolves when it runs, or has ended before. */
  readonly started: Promise<void>;
  /** The error with which it has ended; undefined where it ended because it was told to. */
  readonly ended: Promise<Error | undefined>;
  readonly #worker: Worker;
  readonly #questions = new Map<number, Question>();
  // equivalent mutant (off by one): from which number on questions are counted shows nowhere
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
      else this.#settle(message);
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
    for (const { reject } of this.#questions.values()) reject(this.#gone());
    this.#questions.clear();
    if (this.#failure !== undefined || this.#isStopping) return this.#failure;
    return new FatalError('MR_THREAD_ENDED', `thread ${this.name} ended without having been told to`, {
      hint: 'something in it has called process.exit(); look for what it last logged',
    });
  }

  #settle(message: Extract<FromThread, { id: number }>): void {
    const question = this.#questions.get(message.id);
    this.#questions.delete(message.id);
    if (message.kind === 'answer') question?.resolve(message.answer);
    else question?.reject(fromWireError(message.error));
  }

  #gone(): Error {
    return moving(`thread ${this.name} has ended`);
  }

  stop(): void {
    this.#isStopping = true;
    this.#tell({ kind: 'stop' });
  }

  /** Errors: MR_QUERY_TASK_MOVING when it has ended. */
  async ask<Q extends ThreadQuestion>(question: Q): Promise<ThreadAnswers[Q['kind']]> {
    if (this.#hasEnded) throw this.#gone();
    const id = this.#asked++;
    return new Promise((resolve, reject) => {
      this.#questions.set(id, { resolve: (answer) => resolve(answer as ThreadAnswers[Q['kind']]), reject });
      this.#tell({ kind: 'ask', id, question });
    });
  }

  rows(read: TaskRead): Promise<PortRows | undefined> {
    return this.ask({ kind: 'rows', read });
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }
}
