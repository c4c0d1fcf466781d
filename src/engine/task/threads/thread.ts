/** The code of one thread: see run-on-threads.ts for the side that starts it. */
import type { Log } from '#log';
import { Backoff, errorCode, HandedOver, type ServedThread, type Service, serveThread } from '#platform';
import { localTasks } from '../../queries/local-tasks.ts';
import { readFromPort, rowsToPort, transferOf } from '../../queries/port-rows.ts';
import { StreamsRuntime } from '../runtime.ts';
import { RUNTIME_DEFAULTS } from '../runtime-options.ts';
import { reportOf, StatusGauges } from '../status/status.ts';
import { CatchUp, stableEnds } from './catch-up.ts';
import type {
  DeclareThread,
  ThreadAnswers,
  ThreadEvent,
  ThreadInput,
  ThreadProgress,
  ThreadRuntime,
} from './declaration.ts';

const PROGRESS_INTERVAL_MS = 200;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5_000;
const GIVE_UP_RETRY_MS = 50;

class RunningThread {
  readonly #input: ThreadInput;
  readonly #declared: ThreadRuntime;
  readonly #thread: ServedThread<ThreadEvent>;
  readonly #gauges: StatusGauges;
  readonly #backoff: Backoff;
  readonly #catchUp: CatchUp;
  #runtime: StreamsRuntime | undefined;
  #processed = 0;
  #reportedAt = 0;

  constructor(input: ThreadInput, declared: ThreadRuntime, thread: ServedThread<ThreadEvent>) {
    this.#input = input;
    this.#declared = declared;
    this.#thread = thread;
    this.#catchUp = new CatchUp(declared.options.log);
    this.#gauges = new StatusGauges(declared.options.metrics);
    this.#backoff = new Backoff(declared.options.clock, {
      firstMs: FIRST_PAUSE_MS,
      longestMs: LONGEST_PAUSE_MS,
    });
  }

  get service(): Service<ThreadAnswers, void> {
    const tasks = localTasks(() => this.#runtime);
    const answers: ThreadAnswers = {
      report: () => this.#runtime && reportOf(this.#runtime),
      owners: () => this.#runtime?.owners() ?? new Map(),
      rows: async (read) => {
        const rows = await tasks.read(readFromPort(read));
        if (rows === undefined) return undefined;
        const sent = rowsToPort(rows);
        return new HandedOver(sent, transferOf(sent));
      },
      metrics: () => {
        if (this.#runtime !== undefined) this.#gauges.publish(this.#runtime.status());
        return this.#declared.options.metrics.values();
      },
      digests: () => this.#digests(),
      untilCaughtUp: async () => {
        const isQuiet = await this.#catchUp.next();
        const tasks = this.#runtime?.tasks.map(({ name }) => name) ?? [];
        const processed = this.#processed;
        if (this.#runtime !== undefined) await this.#report(this.#runtime);
        const stages = this.#declared.options.topology.subTopologies.length;
        return { processed, tasks, isQuiet, stages };
      },
    };
    return {
      answers,
      ready: undefined,
      run: async () => {
        while (!this.#thread.stopping.aborted) await this.#runOnce();
      },
      close: () => this.#declared.close(),
    };
  }

  /** One life of the runtime: until the stop, or until the group has gone on without it. */
  async #runOnce(): Promise<void> {
    const { instanceId, processId } = this.#input;
    const { logger } = this.#declared.options;
    const { stopping, tell } = this.#thread;
    const onHeldUp = (why: string | undefined) => tell({ kind: 'held-up', why });
    const runtime = new StreamsRuntime({ ...this.#declared.options, instanceId, processId, onHeldUp });
    this.#runtime = runtime;
    try {
      await this.#start(runtime);
      tell({ kind: 'started' });
      await this.#untilStopped(runtime);
    } catch (error) {
      if (!this.#startsAgain(error)) {
        // So that the others need not wait for the end of its session.
        await runtime.leave().catch((err: unknown) => logger.warn({ err }, 'a failed thread did not leave'));
        await runtime.close();
        throw error;
      }
      // A full disk may keep stores from being closed in order; they are opened as after a crash.
      await runtime.close().catch((err: unknown) => logger.warn({ err }, 'stores were not closed'));
      logger.warn({ err: error }, 'processing was interrupted and restarts');
      await this.#backoff.wait(stopping);
    } finally {
      this.#runtime = undefined;
    }
  }

  /** A start can take long, since it restores: told to stop, the thread gives up what it is opening. */
  async #start(runtime: StreamsRuntime): Promise<void> {
    const { clock } = this.#declared.options;
    const { stopping } = this.#thread;
    let hasStarted = false;
    const giveUp = async () => {
      // There is nothing to leave before it has joined.
      for (; !hasStarted; await clock.sleep(GIVE_UP_RETRY_MS)) await runtime.leave().catch(() => {});
    };
    const listener = () => void giveUp();
    stopping.addEventListener('abort', listener);
    if (stopping.aborted) listener();
    try {
      await runtime.start();
    } finally {
      hasStarted = true;
      stopping.removeEventListener('abort', listener);
    }
  }

  async #untilStopped(runtime: StreamsRuntime): Promise<void> {
    const { clock, commitIntervalMs = RUNTIME_DEFAULTS.commitIntervalMs } = this.#declared.options;
    const { stopping } = this.#thread;
    while (!stopping.aborted) {
      this.#processed += await runtime.runOnce(commitIntervalMs, stopping);
      this.#backoff.reset();
      await this.#catchUp.observe(runtime);
      if (clock.monotonic() - this.#reportedAt >= PROGRESS_INTERVAL_MS) await this.#report(runtime);
    }
    // Commits what is done, leaves the group and closes.
    await runtime.run(stopping);
  }

  /** Whether to start again from the last commit: what was not committed is done again. */
  #startsAgain(error: unknown): boolean {
    switch (errorCode(error)) {
      // Away for longer than the group waits (a suspended machine).
      case 'MR_LOG_GENERATION':
      // For longer than the runtime tries: only room helps, and that may come any time.
      case 'MR_DISK_FULL':
        return true;
      case 'MR_LOG_FENCED':
        return this.#declared.restartsWhenFenced === true;
      default:
        return false;
    }
  }

  async #report(runtime: StreamsRuntime): Promise<void> {
    const { counts = () => ({}), options } = this.#declared;
    this.#reportedAt = options.clock.monotonic();
    const lag = await sourceLag(options.log, runtime);
    const progress: ThreadProgress = { processed: this.#processed, lag, counts: counts() };
    this.#thread.tell({ kind: 'progress', progress });
  }

  #digests(): Readonly<Record<string, string>> {
    const tasks = this.#runtime?.tasks ?? [];
    return Object.fromEntries(
      tasks.flatMap((task) =>
        [...task.digests()].map(([store, digest]) => [`${task.name}/${store}`, digest]),
      ),
    );
  }
}

await serveThread<ThreadInput, ThreadAnswers, void, ThreadEvent>(async (input, thread) => {
  const { declare } = (await import(input.module)) as { readonly declare: DeclareThread };
  return new RunningThread(input, await declare(input), thread).service;
});

/** Records of each source topic that are readable and that the running tasks have not taken yet. */
async function sourceLag(log: Log, runtime: Pick<StreamsRuntime, 'tasks'>): Promise<Record<string, number>> {
  const lag: Record<string, number> = {};
  const ends = await stableEnds(log, runtime);
  for (const { input, partition } of runtime.tasks) {
    for (const { node, position } of input.partitions) {
      const topic = node.topic.name;
      lag[topic] = (lag[topic] ?? 0) + Math.max(0, ends({ topic, partition }) - position);
    }
  }
  return lag;
}
