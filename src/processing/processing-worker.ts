/** A thread that runs a topology: see processing-thread.ts for the side that starts it. */

import { parentPort, workerData } from 'node:worker_threads';
import {
  localTasks,
  readFromPort,
  reportOf,
  rocksDatabases,
  rowsToPort,
  StatusGauges,
  StreamsRuntime,
  type Topology,
} from '#engine';
import { type OpenedLog, openLog } from '#log';
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
import { openTopics, type Topics } from '#topologies';
import { CATCH_UP_COMMIT_INTERVAL_MS, CatchUp } from './catch-up.ts';
import { declaredTopology } from './declared-topology.ts';
import { sourceLag } from './lag.ts';
import type { Answers, Failure, FromWorker, Question, ToWorker, WorkerInput } from './messages.ts';
import { stateDirectoryOf } from './state-directory.ts';

const PROGRESS_INTERVAL_MS = 200;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;

class Host {
  readonly #input: WorkerInput;
  readonly #opened: OpenedLog;
  readonly #topics: Topics;
  readonly #topology: Topology;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #counts: { admitted: number };
  readonly #catchUp = new CatchUp();
  readonly #gauges: StatusGauges;
  readonly #localTasks = localTasks(() => this.#runtime);
  #runtime: StreamsRuntime | undefined;
  #processed = 0;
  #reportedAt = 0;
  readonly #stopping = new AbortController();
  #pauseMs = FIRST_PAUSE_MS;

  private constructor(
    input: WorkerInput,
    opened: OpenedLog,
    topics: Topics,
    topology: Topology,
    observed: { logger: Logger; metrics: Metrics; counts: { admitted: number } },
  ) {
    this.#input = input;
    this.#opened = opened;
    this.#topics = topics;
    this.#topology = topology;
    this.#logger = observed.logger;
    this.#metrics = observed.metrics;
    this.#counts = observed.counts;
    this.#gauges = new StatusGauges(observed.metrics);
  }

  static async open(input: WorkerInput): Promise<Host> {
    const { connection, configuration } = input;
    const logger = createLogger({ level: configuration.logging.level, name: 'processing' });
    const environment = { clock: systemClock, random: Math.random, logger, connection };
    const opened = await openLog(configuration, environment);
    const topics = await openTopics(opened.log, opened.registry);
    const metrics = createMetrics();
    const counts = { admitted: 0 };
    const outcomes = metrics.counter('admission_events_total', 'Events by what admission made of them.', [
      'outcome',
    ]);
    const count = (outcome: string) => {
      counts.admitted++;
      outcomes.inc({ outcome });
    };
    const topology = await declaredTopology(input.runs, configuration, opened, topics, count);
    return new Host(input, opened, topics, topology, { logger, metrics, counts });
  }

  /** Runs until it is told to stop; commits what is done. */
  async run(): Promise<void> {
    try {
      while (!this.#isStopping) await this.#runOnce();
    } finally {
      await this.#opened.close();
    }
  }

  /** One life of the runtime: until the stop, or until the group has gone on without it. */
  async #runOnce(): Promise<void> {
    const runtime = this.#newRuntime();
    try {
      await runtime.start();
      this.#runtime = runtime;
      tell({ kind: 'started' });
      while (!this.#isStopping) {
        const { commitIntervalMs } = this.#input.configuration.engine;
        this.#processed += await runtime.runOnce(commitIntervalMs, this.#stopping.signal);
        this.#pauseMs = FIRST_PAUSE_MS;
        this.#catchUp.observe(runtime);
        await this.#reportIfDue(runtime);
      }
      // Aborted already: it commits what is done, leaves the group and closes.
      await runtime.run(AbortSignal.abort());
    } catch (error) {
      if (!this.#passes(error)) {
        // So that others need not wait for the end of its session.
        await runtime
          .leave()
          .catch((err: unknown) => this.#logger.warn({ err }, 'a failed thread did not leave'));
        await runtime.close();
        throw error;
      }
      // A full disk may keep stores from being closed in order; they are opened as after a crash.
      await runtime.close().catch((err: unknown) => this.#logger.warn({ err }, 'stores were not closed'));
      this.#logger.warn({ err: error }, 'processing was cut off and starts again');
      await systemClock.sleep(this.#pauseMs, this.#stopping.signal);
      this.#pauseMs = Math.min(2 * this.#pauseMs, LONGEST_PAUSE_MS);
    } finally {
      this.#runtime = undefined;
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /** Whether to begin anew from the last commit: what was not committed is done again. */
  #passes(error: unknown): boolean {
    // Away for longer than the group waits (a suspended machine).
    if (errorCode(error) === 'MR_LOG_GENERATION') return true;
    // For longer than the engine tries: nothing else helps than room, and that may come any time.
    if (errorCode(error) === 'MR_DISK_FULL') return true;
    // A coordinator ends transactions that take too long by taking their producer's place, as a successor does.
    return errorCode(error) === 'MR_LOG_FENCED' && this.#opened.embedded === undefined;
  }

  #newRuntime(): StreamsRuntime {
    const { configuration, endpoint, instanceId, thread } = this.#input;
    const { engine } = configuration;
    return new StreamsRuntime({
      log: this.#opened.log,
      topology: this.#topology,
      databases: rocksDatabases(stateDirectoryOf(this.#topology, this.#input.stateDirectory)),
      clock: systemClock,
      logger: this.#logger,
      metrics: this.#metrics,
      deadLetters: this.#topics['dead-letters'],
      instanceId: `${instanceId}-${thread}`,
      processId: instanceId,
      ...(endpoint !== undefined && { endpoint }),
      commitIntervalMs: engine.commitIntervalMs,
      catchUpCommitIntervalMs: Math.max(CATCH_UP_COMMIT_INTERVAL_MS, engine.commitIntervalMs),
      batchRecords: engine.batchRecords,
      cacheEntries: engine.cacheEntries,
      onHeldUp: (why) => tell({ kind: 'held-up', why }),
    });
  }

  async #reportIfDue(runtime: StreamsRuntime): Promise<void> {
    if (systemClock.monotonic() - this.#reportedAt >= PROGRESS_INTERVAL_MS) await this.#report(runtime);
  }

  async #report(runtime: StreamsRuntime): Promise<void> {
    this.#reportedAt = systemClock.monotonic();
    const lag = await sourceLag(this.#opened.log, runtime);
    tell({
      kind: 'progress',
      progress: { processed: this.#processed, admitted: this.#counts.admitted, lag },
    });
  }

  stop(): void {
    this.#stopping.abort();
  }

  async answerTo(message: Exclude<ToWorker, { kind: 'stop' }>) {
    switch (message.kind) {
      case 'ask':
        return this.#answer(message.question);
      case 'rows': {
        const rows = await this.#localTasks.read(readFromPort(message.read));
        return rows && rowsToPort(rows);
      }
    }
  }

  async #answer<Q extends Question>(question: Q): Promise<Answers[Q]> {
    const answers: { readonly [A in Question]: () => Promise<Answers[A]> } = {
      'until-caught-up': async () => {
        await this.#catchUp.next();
        const caughtUp = {
          processed: this.#processed,
          tasks: this.#runtime?.tasks.map(({ name }) => name) ?? [],
        };
        if (this.#runtime !== undefined) await this.#report(this.#runtime);
        return caughtUp;
      },
      metrics: async () => {
        if (this.#runtime !== undefined) this.#gauges.publish(this.#runtime.status());
        return await this.#metrics.values();
      },
      digests: async () => this.#digests(),
      report: async () => this.#runtime && reportOf(this.#runtime),
      owners: async () => this.#runtime?.owners() ?? new Map(),
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
          tell({ kind: 'answer', id: message.id, answer: await host.answerTo(message) });
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
