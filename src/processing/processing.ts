import {
  type EngineReport,
  httpPeers,
  type QueryOptions,
  type Rows,
  type StoreAnswer,
  StoreQueries,
  type StoreQuery,
  type StoreSummary,
  type TaskOwners,
  type TaskRead,
  ThreadTasks,
  type Topology,
  useLargeYoungGeneration,
} from '#engine';
import type { OpenedLog } from '#log';
import { type MetricValues, systemClock } from '#platform';
import type { Topics } from '#topologies';
import { declaredTopology, type Runs } from './declared-topology.ts';
import type { Answers, ProcessingProgress, Question, WorkerInput } from './messages.ts';
import { ProcessingThread } from './processing-thread.ts';

export type ProcessingOptions = Omit<WorkerInput, 'connection' | 'runs' | 'thread'> &
  Pick<OpenedLog, 'log' | 'registry'> & {
    /** The process's log where it is the embedded one: the threads share its writer. */
    readonly embedded: Pick<NonNullable<OpenedLog['embedded']>, 'connect'> | undefined;
    readonly topics: Topics;
    /** The loop unless told otherwise. */
    readonly runs?: Runs;
    /** Told every 200 ms at most by each thread. */
    readonly onProgress?: (progress: ProcessingProgress) => void;
    /** Ends a start that does not come about: on a full disk, or while the log is away. */
    readonly signal?: AbortSignal;
  };

export interface Processing {
  /** Resolves when everything that is readable now is processed and committed; rejects when processing has failed. */
  untilCaughtUp(): Promise<void>;
  /** Of each thread: for renderTogether. */
  metrics(): Promise<readonly MetricValues[]>;
  /** Digests of the committed stores: `<task>/<store>` to hexadecimal digits. */
  digests(): Promise<Readonly<Record<string, string>>>;
  /** Of each thread but those that start again: the state of each task, with the counts of its operators. */
  report(): Promise<readonly EngineReport[]>;
  /** Why a thread processes nothing, such as a registry that is away; undefined where all go on. */
  readonly heldUp: string | undefined;
  stores(): readonly StoreSummary[];
  /** Asks a store for its committed entries: see StoreQueries of the engine. */
  query(store: string, query: StoreQuery, options?: QueryOptions): Promise<StoreAnswer>;
  /** A read of a task in this process, for servePeers of the engine. */
  readHere(read: TaskRead): Promise<Rows>;
  /** Rejects with FatalError MR_PROCESSING_FAILED when processing ends by itself; resolves after a stop. */
  readonly ended: Promise<void>;
  /** Commits what is done and ends the threads. Never rejects; how they ended is `ended`'s to say. */
  stop(): Promise<void>;
}

/**
 * Starts a topology of a data directory in as many threads as the configuration says: each is a member of the topology's
 * group, as other processes are. Resolves when their tasks are restored; rejects with FatalError MR_PROCESSING_FAILED when
 * they can't be.
 */
export async function startProcessing({
  embedded,
  log,
  registry,
  topics,
  runs = 'loop',
  stateDirectory,
  instanceId,
  endpoint,
  configuration,
  onProgress = () => {},
  signal,
}: ProcessingOptions): Promise<Processing> {
  const topology = await declaredTopology(runs, configuration, { log, registry }, topics, () => {});
  useLargeYoungGeneration();
  const progress = new Map<number, ProcessingProgress>();
  const threads = Array.from({ length: configuration.engine.threads }, (_, thread) => {
    const connection = embedded?.connect();
    const input = { runs, connection, stateDirectory, instanceId, thread, endpoint, configuration };
    return new ProcessingThread(input, (latest) => {
      progress.set(thread, latest);
      onProgress(sumOf([...progress.values()]));
    });
  });
  const processing = new ThreadedProcessing(threads, topology, instanceId);
  const stop = () => void processing.stop();
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  try {
    await Promise.all(threads.map(({ started }) => started));
  } catch (error) {
    await processing.stop();
    throw error;
  } finally {
    signal?.removeEventListener('abort', stop);
  }
  return processing;
}

class ThreadedProcessing implements Processing {
  readonly ended: Promise<void>;
  readonly #threads: readonly ProcessingThread[];
  readonly #queries: StoreQueries;
  #failure: unknown;

  constructor(threads: readonly ProcessingThread[], topology: Topology, memberId: string) {
    this.#threads = threads;
    this.#queries = new StoreQueries({
      topology,
      memberId,
      local: new ThreadTasks(threads),
      owners: () => this.#owners(),
      peers: httpPeers({ clock: systemClock }),
      clock: systemClock,
    });
    this.ended = this.#untilEnded();
    // Whoever does not look at it learns of a failure by the next call.
    this.ended.catch(() => {});
  }

  /** When one fails the others end as well: what a bug or a full disk has done to it, it would do to them. */
  async #untilEnded(): Promise<void> {
    try {
      await Promise.all(this.#threads.map(({ ended }) => ended));
    } catch (error) {
      this.#failure = error;
      await this.stop();
      throw error;
    }
  }

  /** The answers of all threads. Errors: that with which processing has failed. */
  async #ask<Q extends Question>(question: Q): Promise<Answers[Q][]> {
    try {
      return await Promise.all(this.#threads.map((thread) => thread.ask(question)));
    } catch (error) {
      throw this.#failure ?? error;
    }
  }

  async untilCaughtUp(): Promise<void> {
    // What one thread has finished can be new to another, and a task can be on its way between them: until nothing moves.
    let before: string;
    let now = '';
    do {
      before = now;
      now = JSON.stringify(await this.#ask('until-caught-up'));
    } while (this.#threads.length > 1 && now !== before);
  }

  metrics(): Promise<readonly MetricValues[]> {
    return this.#ask('metrics');
  }

  async digests(): Promise<Readonly<Record<string, string>>> {
    return Object.assign({}, ...(await this.#ask('digests')));
  }

  async report(): Promise<readonly EngineReport[]> {
    return (await this.#ask('report')).filter((report) => report !== undefined);
  }

  get heldUp(): string | undefined {
    return this.#threads.map((thread) => thread.heldUp).find((why) => why !== undefined);
  }

  stores(): readonly StoreSummary[] {
    return this.#queries.stores();
  }

  query(store: string, query: StoreQuery, options: QueryOptions = {}): Promise<StoreAnswer> {
    return this.#queries.query(store, query, options);
  }

  readHere(read: TaskRead): Promise<Rows> {
    return this.#queries.readHere(read);
  }

  /** As the first knows that is in the group. */
  async #owners(): Promise<ReadonlyMap<string, TaskOwners>> {
    for (const thread of this.#threads) {
      const owners = await thread.ask('owners');
      if (owners.size > 0) return owners;
    }
    return new Map();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}

function sumOf(parts: readonly ProcessingProgress[]): ProcessingProgress {
  const lag: Record<string, number> = {};
  for (const part of parts) {
    for (const [topic, records] of Object.entries(part.lag)) lag[topic] = (lag[topic] ?? 0) + records;
  }
  const sum = (of: (part: ProcessingProgress) => number) =>
    parts.reduce((total, part) => total + of(part), 0);
  return { processed: sum((part) => part.processed), admitted: sum((part) => part.admitted), lag };
}
