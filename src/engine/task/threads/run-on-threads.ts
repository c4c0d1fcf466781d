import { setFlagsFromString } from 'node:v8';
import type { MessagePort } from 'node:worker_threads';
import {
  type Answer,
  ConfigurationError,
  FatalError,
  type Logger,
  type MetricValues,
  startWorker,
  Thread,
} from '#platform';
import type { TaskRead } from '../../queries/peers.ts';
import type { PortRows } from '../../queries/port-rows.ts';
import { moving } from '../../queries/rows.ts';
import type { LocalTasks } from '../../queries/store-queries.ts';
import type { TaskOwners } from '../assignment/assignment.ts';
import type { EngineReport } from '../status/status.ts';
import type { ThreadAnswers, ThreadEvent, ThreadInput, ThreadProgress } from './declaration.ts';
import { ThreadTasks } from './thread-tasks.ts';

export type ThreadsOptions = {
  /** A module that exports `declare` (DeclareThread): what each thread runs. */
  readonly module: URL;
  readonly threads: number;
  /** This process's name within the group; its threads are `<instanceId>-0` and so on. */
  readonly instanceId: string;
  /** Given to `declare`; survives a structured clone. */
  readonly data?: unknown;
  /** Gives each thread a connection to the process's log: `connect` of the embedded log. */
  readonly connect?: (() => MessagePort) | undefined;
  /**
   * When a thread fails: 'stop' (the default) stops the others, 'go-on' leaves its tasks to them, until the last one
   * has failed.
   */
  readonly onFailure?: 'stop' | 'go-on';
  /** Called every 200 ms at most by each thread, with what all of them have done. */
  readonly onProgress?: (progress: ThreadProgress) => void;
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
  /** Why a thread processes nothing, such as a registry that is unavailable; undefined where all go on. */
  readonly heldUp: string | undefined;
  /** The values of each thread, for renderTogether. Rejects when a thread has ended, as the two below. */
  metrics(): Promise<readonly MetricValues[]>;
  /** Digests of the committed stores: `<task>/<store>` to hexadecimal digits. */
  digests(): Promise<Readonly<Record<string, string>>>;
  /** Resolves when everything that is readable now is processed and committed. */
  untilCaughtUp(): Promise<void>;
  /** Commits what is done and ends all threads, then resolves or rejects as `done` does. */
  stop(): Promise<void>;
}

/**
 * Runs a topology on worker threads of this process. Each is a member of the group with a runtime of its own; they share
 * the tasks as processes do. A thread starts again from the last commit when the group has gone on without it or its disk
 * was full. Resolves when all have started and restored their first tasks.
 */
export async function runOnThreads(options: ThreadsOptions): Promise<StreamThreads> {
  if (!(Number.isInteger(options.threads) && options.threads > 0)) {
    throw new ConfigurationError('MR_THREADS_INVALID', `${options.threads} is not a number of threads`, {
      hint: 'use at least one thread, and at most as many as there are CPU cores',
    });
  }
  useLargeYoungGeneration();
  const latest = new Map<string, ThreadProgress>();
  const onProgress = (thread: string, progress: ThreadProgress) => {
    latest.set(thread, progress);
    options.onProgress?.(sumOf([...latest.values()]));
  };
  const threads = Array.from({ length: options.threads }, (_, n) => new StreamThread(options, n, onProgress));
  const running = new RunningThreads(threads, options);
  const { signal } = options;
  const stop = () => void running.stop().catch(() => {});
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted) stop();
  void running.done.catch(() => {}).then(() => signal?.removeEventListener('abort', stop));
  await Promise.all(threads.map(({ started }) => started));
  // One that fails later, while another still starts, has failed as it ran: `done` tells.
  const lost = threads.filter(({ hasFailedToStart }) => hasFailedToStart).length;
  if (lost > (options.onFailure === 'go-on' ? threads.length - 1 : 0)) await running.done;
  return running;
}

class RunningThreads implements StreamThreads {
  readonly done: Promise<void>;
  readonly tasks: LocalTasks;
  readonly #threads: readonly StreamThread[];
  #failure: Error | undefined;

  constructor(threads: readonly StreamThread[], { onFailure = 'stop', logger }: ThreadsOptions) {
    this.#threads = threads;
    this.tasks = new ThreadTasks(threads);
    const ended = threads.map(async (thread) => {
      const error = await thread.ended;
      if (error === undefined) return undefined;
      // What the user has to put right is told by whoever started the threads.
      const isTold = onFailure === 'stop' && error instanceof ConfigurationError;
      if (!isTold) logger.error({ err: error, thread: thread.name }, 'a thread has failed');
      if (onFailure === 'stop') {
        this.#failure ??= error;
        for (const other of threads) void other.stop();
      }
      return error;
    });
    this.done = Promise.all(ended).then((errors) => {
      const failures = errors.filter((error) => error !== undefined);
      const isLost = onFailure === 'stop' ? failures.length > 0 : failures.length === threads.length;
      if (isLost) throw this.#failure ?? failures[0];
    });
    this.done.catch(() => {});
  }

  async status(): Promise<EngineReport[]> {
    const reports = this.#threads.map((thread) => thread.ask('report').catch(() => undefined));
    return (await Promise.all(reports)).filter((report) => report !== undefined);
  }

  async owners(): Promise<ReadonlyMap<string, TaskOwners>> {
    for (const thread of this.#threads) {
      const owners = await thread.ask('owners').catch(() => undefined);
      if (owners !== undefined && owners.size > 0) return owners;
    }
    return new Map();
  }

  get heldUp(): string | undefined {
    return this.#threads.map((thread) => thread.heldUp).find((why) => why !== undefined);
  }

  metrics(): Promise<readonly MetricValues[]> {
    return this.#askAll('metrics');
  }

  async digests(): Promise<Readonly<Record<string, string>>> {
    return Object.assign({}, ...(await this.#askAll('digests')));
  }

  async untilCaughtUp(): Promise<void> {
    let last = '';
    let shares = '';
    // What a task has committed is new to the task after it, so that a record takes as many passes as there are stages.
    for (let passes = 1; ; passes++) {
      const answers = await this.#askAll('untilCaughtUp');
      const before = { last, shares };
      last = JSON.stringify(answers);
      shares = JSON.stringify(answers.map(({ tasks }) => tasks));
      // A task on its way from one thread to another is nobody's.
      if (shares !== before.shares) passes = 1;
      // Quiet are all of them together where nothing has moved since each of them was.
      const areQuiet = answers.every(({ isQuiet }) => isQuiet);
      if (areQuiet && (this.#threads.length === 1 || last === before.last)) return;
      if (passes > Math.max(...answers.map(({ stages }) => stages))) return;
    }
  }

  stop(): Promise<void> {
    for (const thread of this.#threads) void thread.stop();
    return this.done;
  }

  /** Errors: the one with which the threads have failed. */
  async #askAll<N extends Question>(name: N): Promise<Answer<ThreadAnswers, N>[]> {
    try {
      return await Promise.all(this.#threads.map((thread) => thread.ask(name)));
    } catch (error) {
      throw this.#failure ?? error;
    }
  }
}

/** What is asked without an argument. */
type Question = Exclude<keyof ThreadAnswers, 'rows'>;

class StreamThread {
  readonly name: string;
  /** Resolves when it runs, or has ended before. */
  readonly started: Promise<void>;
  /** The error with which it has ended; undefined where it ended because it was told to. */
  readonly ended: Promise<Error | undefined>;
  readonly #thread: Thread<ThreadAnswers, ThreadEvent>;
  #heldUp: string | undefined;
  #hasFailedToStart = false;

  constructor(
    { module, instanceId, data, connect }: ThreadsOptions,
    n: number,
    onProgress: (thread: string, progress: ThreadProgress) => void,
  ) {
    this.name = `${instanceId}-${n}`;
    const connection = connect?.();
    const input: ThreadInput = {
      module: module.href,
      processId: instanceId,
      instanceId: this.name,
      connection,
      data,
    };
    const moved = connection === undefined ? [] : [connection];
    const started = Promise.withResolvers<void>();
    let hasStarted = false;
    const link = startWorker(new URL('./thread.ts', import.meta.url), { input, moved, name: this.name });
    this.#thread = new Thread(link, {
      onEvent: (event) => {
        if (event.kind === 'started') {
          hasStarted = true;
          started.resolve();
        } else if (event.kind === 'progress') onProgress(this.name, event.progress);
        else this.#heldUp = event.why;
      },
      gone: (fault) => (fault instanceof Error ? fault : gone(this.name)),
    });
    this.ended = this.#thread.ended.then((error) => {
      this.#hasFailedToStart = error !== undefined && !hasStarted;
      return error;
    });
    this.started = Promise.race([started.promise, this.ended.then(() => {})]);
  }

  get hasFailedToStart(): boolean {
    return this.#hasFailedToStart;
  }

  get heldUp(): string | undefined {
    return this.#heldUp;
  }

  stop(): Promise<void> {
    return this.#thread.stop();
  }

  ask<N extends Question>(name: N): Promise<Answer<ThreadAnswers, N>> {
    return this.#thread.call(name, ...([] as unknown as Parameters<ThreadAnswers[N]>));
  }

  /** Errors: MR_QUERY_TASK_MOVING when it has ended. */
  async rows(read: TaskRead): Promise<PortRows | undefined> {
    try {
      return await this.#thread.call('rows', read);
    } catch (error) {
      throw this.#thread.hasEnded ? moving(`thread ${this.name} has ended`) : error;
    }
  }
}

function gone(name: string): FatalError {
  return new FatalError('MR_THREAD_ENDED', `thread ${name} has ended`, {
    hint: 'something in it may have called process.exit(); look at what it logged last',
  });
}

function sumOf(parts: readonly ThreadProgress[]): ThreadProgress {
  return {
    processed: parts.reduce((sum, { processed }) => sum + processed, 0),
    lag: sumOfEach(parts.map(({ lag }) => lag)),
    counts: sumOfEach(parts.map(({ counts }) => counts)),
  };
}

function sumOfEach(parts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) sums[name] = (sums[name] ?? 0) + value;
  }
  return sums;
}

const SEMI_SPACE_MIB = 64;

/**
 * Gives the threads that this process starts from now on a young generation in which a whole commit's objects have
 * room: what a task holds until it commits is then not copied into the old generation and collected there. Measured on
 * the engine's benchmark: a third fewer CPU-seconds than with V8's 16 MiB. It costs up to 190 MiB a thread.
 */
function useLargeYoungGeneration(): void {
  setFlagsFromString(`--min-semi-space-size=${SEMI_SPACE_MIB}`);
  setFlagsFromString(`--max-semi-space-size=${SEMI_SPACE_MIB}`);
}
