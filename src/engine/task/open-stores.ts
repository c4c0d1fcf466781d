import type { Log } from '#log';
import { type Clock, errorCode, type Logger, type Metrics, type Tracing } from '#platform';
import type { DeadLetter } from '../dead-letter-topic.ts';
import type { GlobalRows } from '../operators/global-join.ts';
import type { Timers } from '../operators/processor.ts';
import type { Topic } from '../serde.ts';
import type { CachedStore } from '../store/cached-store.ts';
import type { DatabaseProvider } from '../store/port.ts';
import { type StoredTimer, TimerQueue } from '../store/timer-queue.ts';
import { Expiry, ttlStoreName } from '../store/ttl.ts';
import { type SubTopology, TIMERS, WALL_TIMERS } from '../topology/topology.ts';
import type { Guarantee } from './commit/commit.ts';
import type { InputOffsets } from './commit/position.ts';
import type { RecordErrorPolicy } from './dead-letters.ts';
import type { RestoreProgress } from './restore/restore-progress.ts';
import { TaskState } from './restore/state.ts';

/** What all tasks of a process share. */
export type TaskEnvironment = {
  readonly log: Pick<Log, 'describeTopics' | 'consumer'>;
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Traced records get spans there. */
  readonly tracing?: Tracing | undefined;
  readonly deadLetters: Topic<string, DeadLetter>;
  readonly onRecordError: RecordErrorPolicy;
  readonly guarantee?: Guarantee;
  /** The rows of a global table, by its topic's name. */
  readonly globalRows: (topic: string) => GlobalRows;
  /** Decoded entries that each store keeps in memory. */
  readonly cacheEntries: number;
  /** Where commits are journalled; absent: nowhere. */
  readonly journalTopic?: string | undefined;
  /** How long an input that is empty is waited for; not at all where absent. */
  readonly idleWaitMs?: number;
  /** Told how the restore goes on. */
  readonly restore?: RestoreProgress;
  /**
   * By task, how far the inputs of a commit went that a store has refused: up to there each write is tried at once, so
   * that one record is put aside, and not all that its key has met since the commit before. Absent: all writes are tried.
   */
  readonly refusals?: Map<string, InputOffsets>;
  /** Tasks whose stores were found damaged: see StateOptions. */
  readonly suspects?: Set<string>;
};

/** A task's stores, brought up to what the log has committed, and the timers in them. */
type OpenStores = { readonly state: TaskState; readonly timers: ReadonlyMap<string, Timers> };

/** `inputOffsets`: those that the task has committed, by topic. */
export async function openStores(
  topology: SubTopology,
  partition: number,
  inputOffsets: ReadonlyMap<string, number>,
  environment: TaskEnvironment,
): Promise<OpenStores> {
  const name = taskName(topology, partition);
  const open = async () => {
    const { stores } = topology;
    const state = await TaskState.open({ ...environment, name, partition, stores, inputOffsets });
    try {
      return { state, timers: await openTimers(topology, state) };
    } catch (error) {
      await state.close();
      throw error;
    }
  };
  try {
    return await open();
  } catch (error) {
    if (errorCode(error) !== 'MR_STORE_CORRUPT') throw error;
    // Reading the timers is the first to walk over all of a store.
    environment.logger.warn({ err: error }, 'a store is damaged; it is rebuilt from its changelog');
    environment.suspects?.add(name);
    await environment.databases.destroy(name);
    return open();
  }
}

/** The timers of each processor, as its stores hold them. */
async function openTimers(topology: SubTopology, state: TaskState): Promise<Map<string, Timers>> {
  const timersIn = async (name: string) => {
    const store = state.store(name);
    if (store === undefined) return undefined;
    const queue = new TimerQueue(store as CachedStore<StoredTimer>);
    await queue.open();
    return queue;
  };
  const timers = new Map<string, Timers>();
  for (const { name, spec } of topology.processors) {
    const [event, wall] = [await timersIn(`${name}/${TIMERS}`), await timersIn(`${name}/${WALL_TIMERS}`)];
    timers.set(name, { event, wall });
    for (const [each, { ttlMs }] of Object.entries(spec.stores)) {
      const store = state.store(`${name}/${each}`);
      const times = ttlMs === undefined ? undefined : await timersIn(`${name}/${ttlStoreName(each)}`);
      if (store !== undefined && times !== undefined)
        store.expiry = new Expiry(store, times, ttlMs as number);
    }
  }
  return timers;
}

export function taskName(topology: SubTopology, partition: number): string {
  return `${topology.name}-${partition}`;
}
