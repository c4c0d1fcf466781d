import { AsyncLocalStorage } from 'node:async_hooks';
import type { SimulatedLog } from '#log';
import { createMetrics, errorCode, FatalError, type Logger, watchFailpoints } from '#platform';
import type { DeadLetter } from '../../dead-letter-topic.ts';
import type { Topic } from '../../serde.ts';
import type { DatabaseProvider } from '../../store/port.ts';
import { writeBehind } from '../../store/write-behind.ts';
import { StreamsRuntime } from '../../task/runtime.ts';
import type { RuntimeOptions } from '../../task/runtime-options.ts';
import type { Topology } from '../../topology/topology.ts';
import { type Disk, OwnLockError } from './disk.ts';
import type { VirtualClock } from './scheduler.ts';

const running = new AsyncLocalStorage<SimulatedProcess>();

/** Makes failpoints reach the process in which they are hit; the returned function ends that. */
export function followFailpoints(): () => void {
  watchFailpoints((name) => running.getStore()?.passes(name));
  return () => watchFailpoints(undefined);
}

/** Options of the runtime that change how a run goes and not what comes of it. */
export type Tuning = Pick<
  RuntimeOptions,
  | 'commitIntervalMs'
  | 'catchUpCommitIntervalMs'
  | 'batchRecords'
  | 'cacheEntries'
  | 'standbys'
  | 'bufferBytes'
  | 'idleWaitMs'
>;

export type ProcessOptions = {
  readonly instanceId: string;
  readonly log: SimulatedLog;
  readonly clock: VirtualClock;
  readonly disk: Disk;
  readonly topology: Topology;
  readonly deadLetters: Topic<string, DeadLetter>;
  readonly logger: Logger;
  readonly tuning: Tuning;
  /** Asked at every failpoint: true kills the process there. */
  readonly diesAt: (failpoint: string) => boolean;
  /** Told once, unless the process was killed from outside: `error` is undefined where it was asked to stop. */
  readonly onExit: (error: unknown) => void;
};

/**
 * Every other machine writes late, as the real databases do, only less so: crashes are to find changes that wait, and on
 * the others those that have just been written.
 */
function databasesOf(disk: Disk, clock: VirtualClock): DatabaseProvider {
  const isLate = disk.name.charCodeAt(disk.name.length - 1) % 2 === 0;
  const databases = disk.connect(clock);
  return isLate ? writeBehind(databases, { keys: 40, bytes: 16_384, writes: 4 }) : databases;
}

/** One operating-system process with a StreamsRuntime, on a machine's disk, with a clock of its own. */
export class SimulatedProcess {
  readonly instanceId: string;
  readonly clock: VirtualClock;
  readonly disk: Disk;
  readonly runtime: StreamsRuntime;
  readonly #log: SimulatedLog;
  readonly #options: ProcessOptions;
  readonly #stop = new AbortController();

  constructor(options: ProcessOptions) {
    const { instanceId, clock, disk, topology, deadLetters, logger, tuning } = options;
    this.#options = options;
    this.instanceId = instanceId;
    this.clock = clock;
    this.disk = disk;
    this.#log = options.log.connect({ clock });
    this.runtime = new StreamsRuntime({
      ...tuning,
      log: this.#log,
      topology,
      databases: databasesOf(disk, clock),
      clock,
      logger,
      metrics: createMetrics(),
      deadLetters,
      instanceId,
      processId: disk.name,
    });
  }

  start(): void {
    void running.run(this, async () => {
      try {
        await this.runtime.start();
        await this.runtime.run(this.#stop.signal);
        this.#exit(undefined);
      } catch (error) {
        this.#exit(error);
      }
    });
  }

  /** Asks it to commit, leave its group and end. */
  stop(): void {
    this.#stop.abort();
  }

  /** Ends it where it is; its last request to the log may arrive. */
  kill(inFlight: 'is-lost' | 'arrives'): void {
    this.clock.end();
    this.#log.kill(inFlight);
    this.disk.release(this.clock);
  }

  get isAlive(): boolean {
    return !this.clock.isEnded;
  }

  passes(failpoint: string): void {
    if (!this.isAlive || !this.#options.diesAt(failpoint)) return;
    this.kill('arrives');
    // Unwinds what is left of it; nothing that it does on the way reaches its log or disk.
    throw new FatalError('MR_FAILPOINT', `killed at ${failpoint}`, { hint: 'a simulated crash' });
  }

  #exit(error: unknown): void {
    if (!this.isAlive) return;
    this.kill('arrives');
    this.#options.onExit(error);
  }
}

const EXPECTED = [
  'MR_LOG_FENCED',
  'MR_LOG_GENERATION',
  'MR_LOG_UNAVAILABLE',
  'MR_STORE_LOCKED',
  'MR_STORE_OUTDATED',
];

/** Errors with which a process may end although nothing is wrong with it: it is started again. */
export function isExpected(error: unknown): boolean {
  const code = errorCode(error) ?? '';
  // Nobody but itself keeps it from its store.
  if (error instanceof OwnLockError) return false;
  return EXPECTED.includes(code);
}
