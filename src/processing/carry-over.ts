import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { acceptedGenerations, carryOver, type Topology } from '#engine';
import type { Log } from '#log';
import {
  type Clock,
  ConfigurationError,
  errorCode,
  type Logger,
  type Metrics,
  RetryableError,
} from '#platform';

/** Pauses between attempts while instances of the earlier release run, or the log is unavailable. */
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;

export type CarryOverEnvironment = {
  readonly log: Log;
  readonly topology: Topology;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly signal: AbortSignal;
  /** The hash of the plan that was accepted: see planCarryOver of the engine. */
  readonly accepted?: string | undefined;
  /** Told of the records copied, of those to copy. */
  readonly onProgress: (done: number, total: number) => void;
  /** Told once that instances of the earlier release still run, or another process does the same work. */
  readonly onWaiting: (why: string) => void;
};

/**
 * The generation whose state this one has to take over, or whose topics are left to delete; undefined where there is none.
 * Errors: MR_DATA_OUTDATED, MR_DATA_NEWER.
 */
export async function earlierGeneration(
  log: Log,
  { name, generation }: Pick<Topology, 'name' | 'generation'>,
): Promise<number | undefined> {
  const accepted = await acceptedGenerations(log, name);
  const newest = accepted.at(-1);
  if (newest !== undefined && newest > generation) throw newer(newest, generation);
  if (newest === undefined && (await hasEarlierTopics(log, name, generation))) throw outdated();
  return accepted.findLast((each) => each < generation);
}

/** Carries over every earlier generation, the newest first; transient failures are retried until `signal` aborts. */
export async function carryOverEarlier(environment: CarryOverEnvironment): Promise<void> {
  const { log, topology, clock, logger, metrics, signal, accepted, onWaiting } = environment;
  const remaining = metrics.gauge(
    'carry_over_remaining_records',
    'Records of an earlier generation of the processors’ state that are still to be copied.',
  );
  const onProgress = (done: number, total: number) => {
    remaining.set(total - done);
    environment.onProgress(done, total);
  };
  let pauseMs = FIRST_PAUSE_MS;
  for (;;) {
    signal.throwIfAborted();
    try {
      const from = await earlierGeneration(log, topology);
      if (from === undefined) return;
      await carryOver({ log, topology, from, accepted, onProgress, signal });
      pauseMs = FIRST_PAUSE_MS;
    } catch (error) {
      if (!(error instanceof RetryableError)) throw error;
      logger.info({ err: error }, 'state of an earlier release can’t be carried over yet; it is tried again');
      if (errorCode(error) === 'MR_TOPOLOGY_MIGRATION_BUSY' && pauseMs === FIRST_PAUSE_MS)
        onWaiting(error.message);
      // Another process has begun the same work: to fence it in turn would begin it again and again.
      if (errorCode(error.cause) === 'MR_LOG_FENCED') await untilNothingIsCopied(environment);
      await clock.sleep(pauseMs * (0.5 + Math.random() / 2), signal);
      pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs);
    }
  }
}

async function untilNothingIsCopied({ log, topology, clock, signal }: CarryOverEnvironment): Promise<void> {
  const own = `${topology.name}-${topology.generation}-`;
  for (let before = -1, now = 0; now !== before && !signal.aborted; ) {
    before = now;
    await clock.sleep(LONGEST_PAUSE_MS, signal);
    const topics = (await log.describeTopics()).filter(({ name }) => name.startsWith(own));
    now = topics.flatMap(({ offsets }) => offsets).reduce((sum, { end }) => sum + end, 0);
  }
}

/** Removes this machine's copies of earlier generations' stores. */
export async function removeEarlierStores(
  stateDirectory: string,
  { name, generation }: Pick<Topology, 'name' | 'generation'>,
): Promise<void> {
  const entries = await readdir(stateDirectory).catch(() => []);
  for (const entry of entries) {
    const found = entry.startsWith(`${name}-`) ? entry.slice(name.length + 1) : '';
    if (/^\d+$/.test(found) && Number(found) < generation)
      await rm(join(stateDirectory, entry), { recursive: true, force: true });
  }
}

/** Whether a release that kept no record of its state has processed the log. */
async function hasEarlierTopics(log: Log, name: string, generation: number): Promise<boolean> {
  for (const topic of await log.describeTopics()) {
    const rest = topic.name.startsWith(`${name}-`) ? topic.name.slice(name.length + 1) : '';
    if (Number(/^(\d+)-/.exec(rest)?.[1] ?? generation) < generation) return true;
  }
  return false;
}

function outdated(): ConfigurationError {
  return new ConfigurationError(
    'MR_DATA_OUTDATED',
    'The log was processed by an earlier release that kept no record of its state.',
    { hint: 'Begin a new data directory with --data DIR, and publish or import the events again.' },
  );
}

function newer(found: number, generation: number): ConfigurationError {
  return new ConfigurationError(
    'MR_DATA_NEWER',
    `The log is processed by a newer release: its state has generation ${found}, this release has ${generation}.`,
    { hint: 'Start the newer release; an earlier one would process everything once more.' },
  );
}
