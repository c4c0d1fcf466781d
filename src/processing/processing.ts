import {
  type EngineReport,
  httpPeers,
  type QueryOptions,
  type Rows,
  runOnThreads,
  type StoreAnswer,
  StoreQueries,
  type StoreQuery,
  type StoreSummary,
  type TaskRead,
  type Topology,
} from '#engine';
import type { OpenedLog } from '#log';
import {
  asPeer,
  ConfigurationError,
  createLogger,
  errorCode,
  FatalError,
  httpsFetch,
  type MetricValues,
  MillraceError,
  type ServedCertificate,
  systemClock,
} from '#platform';
import { openTopics, type Topics } from '#topologies';
import { declaredTopology, type Runs } from './declared-topology.ts';
import type { WorkerInput } from './processing-worker.ts';
import { shadowTopology } from './shadow-run.ts';

/** How far processing has come. */
export type ProcessingProgress = {
  /** Records through all tasks since the start. */
  readonly processed: number;
  /** Events that admission has decided on since the start. */
  readonly admitted: number;
  /** Records of the topology's sources that are readable and not processed yet, by topic. */
  readonly lag: Readonly<Record<string, number>>;
};

export type ProcessingOptions = Omit<WorkerInput, 'runs'> &
  Pick<OpenedLog, 'log' | 'registry'> & {
    /** The process's log where it is the embedded one: the threads share its writer. */
    readonly embedded: Pick<NonNullable<OpenedLog['embedded']>, 'connect'> | undefined;
    /** As they are now; those of the configuration without it. */
    readonly secrets?: { readonly peerSecret: string | undefined };
    /** The certificate of this process, where processes on the log know each other by certificates. */
    readonly certificate?: () => Pick<ServedCertificate, 'contents' | 'asksClients'> | undefined;
    /** Not needed for a topology of the user's own. */
    readonly topics?: Topics;
    /** Id of the process among those that share the tasks; the same after a restart, so that it gets its tasks back at once. */
    readonly instanceId: string;
    /** The loop unless told otherwise. */
    readonly runs?: Runs;
    /** The live topology of it, where the caller has it already. */
    readonly topology?: Topology;
    /** Told every 200 ms at most by each thread. */
    readonly onProgress?: (progress: ProcessingProgress) => void;
    /** Ends a start that does not come about: on a full disk, or while the log is unavailable. */
    readonly signal?: AbortSignal;
  };

export interface Processing {
  /** Resolves when everything that is readable now is processed and committed; rejects when processing has failed. */
  untilCaughtUp(): Promise<void>;
  /** The values of each thread, for renderTogether. */
  metrics(): Promise<readonly MetricValues[]>;
  /** Digests of the committed stores: `<task>/<store>` to hexadecimal digits. */
  digests(): Promise<Readonly<Record<string, string>>>;
  /** For each thread, except those restarting: the state of each task, with the counts of its operators. */
  report(): Promise<readonly EngineReport[]>;
  /** Why a thread processes nothing, such as a registry that is unavailable; undefined where all go on. */
  readonly heldUp: string | undefined;
  stores(): readonly StoreSummary[];
  /** Asks a store for its committed entries: see StoreQueries of the engine. */
  query(store: string, query: StoreQuery, options?: QueryOptions): Promise<StoreAnswer>;
  /** A read of a task in this process, for servePeers of the engine. */
  readHere(read: TaskRead): Promise<Rows>;
  /**
   * Rejects when processing ends by itself: with an error of configuration as such, FatalError MR_PROCESSING_FAILED for
   * others; resolves after a stop.
   */
  readonly ended: Promise<void>;
  /** Commits what is done and ends the threads. Never rejects; how they ended is `ended`'s to say. */
  stop(): Promise<void>;
}

/**
 * Starts a topology of a data directory in as many threads as the configuration says: each is a member of the topology's
 * group, as other processes are. Resolves when their tasks are restored; rejects as `ended` does when they can't be.
 */
export async function startProcessing({
  embedded,
  log,
  registry,
  topics,
  runs = 'loop',
  topology: declared,
  stateDirectory,
  instanceId,
  endpoint,
  configuration,
  shadow,
  accepted,
  secrets,
  certificate,
  onProgress = () => {},
  signal,
}: ProcessingOptions): Promise<Processing> {
  const opened = async () => topics ?? openTopics(log, registry);
  const declare = () => declaredTopology(runs, configuration, { log, registry }, opened, () => {});
  const live = declared ?? (await declare()).topology;
  const topology = shadow === undefined ? live : shadowTopology(live, shadow);
  // Once it has started, the caller stops it when its turn comes.
  const starting = new AbortController();
  const giveUp = () => starting.abort();
  signal?.addEventListener('abort', giveUp);
  if (signal?.aborted) giveUp();
  const threads = await failing(
    runOnThreads({
      module: new URL('./processing-worker.ts', import.meta.url),
      threads: configuration.engine.threads,
      instanceId,
      data: { runs, stateDirectory, endpoint, configuration, shadow, accepted } satisfies WorkerInput,
      connect: embedded && (() => embedded.connect()),
      onProgress: ({ processed, lag, counts: { admitted = 0 } }) => onProgress({ processed, lag, admitted }),
      signal: starting.signal,
      logger: createLogger({ level: configuration.logging.level, name: 'processing' }),
    }),
  ).finally(() => signal?.removeEventListener('abort', giveUp));
  const ended = failing(threads.done);
  // Whoever does not look at it learns of a failure by the next call.
  ended.catch(() => {});
  if (starting.signal.aborted) {
    await ended;
    throw stopped();
  }
  const { http, admin } = configuration;
  const shown = certificate?.();
  const queries = new StoreQueries({
    topology,
    memberId: instanceId,
    local: threads.tasks,
    owners: () => threads.owners(),
    peers: httpPeers({
      clock: systemClock,
      secret: () => (secrets ?? { peerSecret: http.peerSecret ?? admin.token }).peerSecret,
      ...(shown?.asksClients && { fetch: httpsFetch(() => asPeer(shown.contents)) }),
    }),
    clock: systemClock,
  });
  return {
    ended,
    untilCaughtUp: () => failing(threads.untilCaughtUp()),
    metrics: () => failing(threads.metrics()),
    digests: () => failing(threads.digests()),
    report: () => threads.status(),
    get heldUp() {
      return threads.heldUp;
    },
    stores: () => queries.stores(),
    query: (...args) => queries.query(...args),
    readHere: (read) => queries.readHere(read),
    stop: () => threads.stop().catch(() => {}),
  };
}

/** Errors of the threads as those of processing. Wrong configuration is the user's to fix: it stays what it is. */
async function failing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (cause instanceof ConfigurationError) throw cause;
    const code = errorCode(cause);
    const message = cause instanceof Error ? cause.message : String(cause);
    const why = code === undefined ? message : `${code}: ${message}`;
    const hint = cause instanceof MillraceError ? cause.hint : undefined;
    throw new FatalError('MR_PROCESSING_FAILED', `Processing has ended: ${why}`, {
      hint: hint ?? GO_ON,
      cause,
    });
  }
}

const GO_ON = 'Start again: processing goes on from the last commit.';

function stopped(): FatalError {
  return new FatalError('MR_PROCESSING_FAILED', 'Processing was stopped.', { hint: GO_ON });
}
