/** The worker thread that runs the loop topology: see processing.ts for the side that starts it. */
import { join } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
import {
  httpPeers,
  localTasks,
  reportOf,
  rocksDatabases,
  StatusGauges,
  StoreQueries,
  StreamsRuntime,
  type Topology,
} from '#engine';
import { type EmbeddedLog, openEmbeddedLog } from '#engine/log';
import {
  createLogger,
  createMetrics,
  errorCode,
  invariant,
  type Logger,
  type Metrics,
  MillraceError,
  systemClock,
} from '#platform';
import { loopTopology, openTopics, type Topics } from '#topologies';
import { CatchUp } from './catch-up.ts';
import { sourceLag } from './lag.ts';
import type { Answers, Failure, FromWorker, Question, ToWorker, WorkerInput } from './messages.ts';

const PROGRESS_INTERVAL_MS = 200;
const INSTANCE = 'main';

class Host {
  readonly #input: WorkerInput;
  readonly #log: EmbeddedLog;
  readonly #topics: Topics;
  readonly #topology: Topology;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #counts: { admitted: number };
  readonly #catchUp = new CatchUp();
  readonly #gauges: StatusGauges;
  readonly queries: StoreQueries;
  #runtime: StreamsRuntime | undefined;
  #processed = 0;
  #reportedAt = 0;
  #stopping = false;

  private constructor(
    input: WorkerInput,
    log: EmbeddedLog,
    topics: Topics,
    topology: Topology,
    observed: { logger: Logger; metrics: Metrics; counts: { admitted: number } },
  ) {
    this.#input = input;
    this.#log = log;
    this.#topics = topics;
    this.#topology = topology;
    this.#logger = observed.logger;
    this.#metrics = observed.metrics;
    this.#counts = observed.counts;
    this.#gauges = new StatusGauges(observed.metrics);
    this.queries = new StoreQueries({
      topology,
      memberId: INSTANCE,
      local: localTasks(() => this.#runtime),
      owners: () => this.#runtime?.owners() ?? new Map(),
      peers: httpPeers({ clock: systemClock }),
      clock: systemClock,
    });
  }

  static async open(input: WorkerInput): Promise<Host> {
    const { connection, dataDirectory, configuration } = input;
    const logger = createLogger({ level: configuration.log.level, name: 'processing' });
    const log = await openEmbeddedLog({ directory: dataDirectory, clock: systemClock, logger, connection });
    const topics = await openTopics(log, log.registry);
    const metrics = createMetrics();
    const counts = { admitted: 0 };
    const outcomes = metrics.counter('admission_events_total', 'Events by what admission made of them.', [
      'outcome',
    ]);
    const { latenessMs, dedupHorizonMs, futureMs } = configuration.admission;
    const count = (outcome: string) => {
      counts.admitted++;
      outcomes.inc({ outcome });
    };
    const topology = await loopTopology(topics, log.registry, {
      admission: { latenessMs, dedupHorizonMs, futureMs, count },
      gate: configuration.gate,
    });
    return new Host(input, log, topics, topology, { logger, metrics, counts });
  }

  /** Runs until it is told to stop; commits what is done. */
  async run(): Promise<void> {
    try {
      while (!this.#stopping) await this.#runOnce();
    } finally {
      await this.#log.close();
    }
  }

  /** One life of the runtime: until the stop, or until the group has gone on without it. */
  async #runOnce(): Promise<void> {
    const runtime = this.#newRuntime();
    try {
      await runtime.start();
      this.#runtime = runtime;
      tell({ kind: 'started' });
      while (!this.#stopping) {
        this.#processed += await runtime.runOnce(this.#input.configuration.engine.commitIntervalMs);
        this.#catchUp.observe(runtime);
        await this.#reportIfDue(runtime);
      }
      // Aborted already: it commits what is done, leaves the group and closes.
      await runtime.run(AbortSignal.abort());
    } catch (error) {
      await runtime.close();
      // Away for longer than the group waits (a suspended machine): what was not committed is done again.
      if (errorCode(error) !== 'MR_LOG_GENERATION') throw error;
      this.#logger.warn({ err: error }, 'processing was away for too long and starts again');
    } finally {
      this.#runtime = undefined;
    }
  }

  #newRuntime(): StreamsRuntime {
    const { name, generation } = this.#topology;
    const { engine } = this.#input.configuration;
    return new StreamsRuntime({
      log: this.#log,
      topology: this.#topology,
      databases: rocksDatabases(join(this.#input.dataDirectory, 'state', `${name}-${generation}`)),
      clock: systemClock,
      logger: this.#logger,
      metrics: this.#metrics,
      deadLetters: this.#topics['dead-letters'],
      instanceId: INSTANCE,
      commitIntervalMs: engine.commitIntervalMs,
      batchRecords: engine.batchRecords,
      cacheEntries: engine.cacheEntries,
    });
  }

  async #reportIfDue(runtime: StreamsRuntime): Promise<void> {
    if (systemClock.monotonic() - this.#reportedAt >= PROGRESS_INTERVAL_MS) await this.#report(runtime);
  }

  async #report(runtime: StreamsRuntime): Promise<void> {
    this.#reportedAt = systemClock.monotonic();
    const lag = await sourceLag(this.#log, runtime);
    tell({
      kind: 'progress',
      progress: { processed: this.#processed, admitted: this.#counts.admitted, lag },
    });
  }

  stop(): void {
    this.#stopping = true;
  }

  async answer<Q extends Question>(question: Q): Promise<Answers[Q]> {
    const answers: { readonly [A in Question]: () => Promise<Answers[A]> } = {
      'until-caught-up': async () => {
        await this.#catchUp.next();
        if (this.#runtime !== undefined) await this.#report(this.#runtime);
        return undefined;
      },
      metrics: async () => {
        if (this.#runtime !== undefined) this.#gauges.publish(this.#runtime.status());
        return await this.#metrics.render();
      },
      digests: async () => this.#digests(),
      report: async () => this.#runtime && reportOf(this.#runtime),
      stores: async () => this.queries.stores(),
    };
    return answers[question]();
  }

  #digests(): Answers['digests'] {
    const tasks = this.#runtime?.tasks ?? [];
    return Object.fromEntries(
      tasks.flatMap((task) =>
        [...task.digests()].map(([store, digest]) => [`${task.name}/${store}`, digest]),
      ),
    );
  }
}

function tell(message: FromWorker): void {
  parentPort?.postMessage(message);
}

function failureOf(error: unknown): Failure {
  const known = error instanceof Error ? error : new Error(String(error));
  const hint = known instanceof MillraceError ? known.hint : undefined;
  const remedy = known instanceof MillraceError ? known.remedy : undefined;
  return { message: known.message, code: errorCode(known), hint, stack: known.stack, remedy };
}

async function main(): Promise<void> {
  const port = parentPort;
  invariant(port !== null, 'this file runs in a worker thread');
  let stopped = false;
  const opening = Host.open(workerData as WorkerInput);
  port.on('message', (message: ToWorker) => {
    stopped ||= message.kind === 'stop';
    void opening.then(
      async (host) => {
        if (message.kind === 'stop') return host.stop();
        try {
          const answer = await (message.kind === 'query'
            ? host.queries.query(message.store, message.query, message.options)
            : host.answer(message.question));
          tell({ kind: 'answer', id: message.id, answer });
        } catch (error) {
          tell({ kind: 'refused', id: message.id, failure: failureOf(error) });
        }
      },
      () => {},
    );
  });
  try {
    const host = await opening;
    if (stopped) host.stop();
    await host.run();
  } catch (error) {
    tell({ kind: 'failed', failure: failureOf(error) });
  } finally {
    // With its port closed the thread has nothing to wait for and ends by itself.
    port.close();
  }
}

await main();
