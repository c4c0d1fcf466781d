import { Worker } from 'node:worker_threads';
import {
  type EngineReport,
  type PortRows,
  type QueryOptions,
  type Rows,
  rowsFromPort,
  type StoreAnswer,
  type StoreQuery,
  type StoreSummary,
  type TaskRead,
  useLargeYoungGeneration,
} from '#engine';
import type { EmbeddedLog } from '#engine/log';
import { FatalError, InputError, invariant, type MillraceError, RetryableError } from '#platform';
import type { Runs } from './declared-topology.ts';
import type {
  Answers,
  Failure,
  FromWorker,
  ProcessingProgress,
  Question,
  ToWorker,
  WorkerInput,
} from './messages.ts';

export type ProcessingOptions = Omit<WorkerInput, 'connection' | 'runs'> & {
  /** The loop unless told otherwise. */
  readonly runs?: Runs;
  /** The process's log where it is the embedded one: the worker shares its writer. */
  readonly embedded: Pick<EmbeddedLog, 'connect'> | undefined;
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
  /** The state of each task, with the counts of its operators; undefined while processing starts again. */
  report(): Promise<EngineReport | undefined>;
  stores(): Promise<readonly StoreSummary[]>;
  /** Asks a store for its committed entries: see StoreQueries of the engine. */
  query(store: string, query: StoreQuery, options?: QueryOptions): Promise<StoreAnswer>;
  /** A read of a task in this process, for servePeers of the engine. */
  readHere(read: TaskRead): Promise<Rows>;
  /** Rejects with FatalError MR_PROCESSING_FAILED when processing ends by itself; resolves after a stop. */
  readonly ended: Promise<void>;
  /** Commits what is done and ends the worker. Never rejects; how it ended is `ended`'s to say. */
  stop(): Promise<void>;
}

/**
 * Starts a topology of a data directory in a worker thread. Resolves when its tasks are restored; rejects
 * with FatalError MR_PROCESSING_FAILED when they can't be.
 */
export async function startProcessing({
  embedded,
  onProgress,
  runs = 'loop',
  ...input
}: ProcessingOptions): Promise<Processing> {
  const processing = new WorkerProcessing(embedded, { ...input, runs }, onProgress);
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
    embedded: ProcessingOptions['embedded'],
    input: Omit<WorkerInput, 'connection'>,
    onProgress: ((progress: ProcessingProgress) => void) | undefined,
  ) {
    this.#onProgress = onProgress;
    const connection = embedded?.connect();
    useLargeYoungGeneration();
    this.#worker = new Worker(new URL('./processing-worker.ts', import.meta.url), {
      workerData: { connection, ...input } satisfies WorkerInput,
      transferList: connection === undefined ? [] : [connection],
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
        this.#onProgress?.(message.progress);
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

  report(): Promise<EngineReport | undefined> {
    return this.#ask('report');
  }

  stores(): Promise<readonly StoreSummary[]> {
    return this.#ask('stores');
  }

  query(store: string, query: StoreQuery, options: QueryOptions = {}): Promise<StoreAnswer> {
    return this.#answered((id) => ({ kind: 'query', id, store, query, options }));
  }

  async readHere(read: TaskRead): Promise<Rows> {
    return rowsFromPort(await this.#answered<PortRows>((id) => ({ kind: 'read', id, read })));
  }

  #ask<Q extends Question>(question: Q): Promise<Answers[Q]> {
    return this.#answered((id) => ({ kind: 'ask', id, question }));
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
