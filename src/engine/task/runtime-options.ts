import type { Log } from '#log';
import type { Clock, Logger, Metrics, Tracing } from '#platform';
import type { DeadLetter } from '../dead-letter-topic.ts';
import type { Topic } from '../serde.ts';
import type { DatabaseProvider } from '../store/port.ts';
import type { Migrations } from '../topology/generations/plan.ts';
import type { Topology } from '../topology/topology.ts';
import type { Guarantee } from './commit/commit.ts';
import type { RecordErrorPolicy } from './dead-letters.ts';

export type RuntimeOptions = {
  readonly log: Log;
  readonly topology: Topology;
  readonly databases: DatabaseProvider;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Where records with a sampled trace context get spans; none where it is absent. */
  readonly tracing?: Tracing | undefined;
  readonly deadLetters: Topic<string, DeadLetter>;
  /** What becomes of a record that can't be decoded or processed; 'dead-letter' by default. */
  readonly onRecordError?: RecordErrorPolicy;
  /** This member's name within the group: started again under it, it takes its tasks back at once. */
  readonly instanceId: string;
  /** Shared by the members whose `databases` lie in the same place: no task lives twice there. The instance by default. */
  readonly processId?: string;
  /** Where this member's stores can be asked, for example http://host:port: told to all members. */
  readonly endpoint?: string;
  /** 'exactly-once' by default. */
  readonly guarantee?: Guarantee;
  /** Copies of each task's state in other processes; none by default. */
  readonly standbys?: number;
  /** Results are visible when they are committed; 100 by default. */
  readonly commitIntervalMs?: number;
  /**
   * As `commitIntervalMs`, while there is more to read than a round takes: what comes out is late then anyhow, and a row
   * that changes often is written less often. The same by default.
   */
  readonly catchUpCommitIntervalMs?: number;
  /** Records that a task takes at a time; 2,000 by default. */
  readonly batchRecords?: number;
  /** Decoded rows that each store of a task keeps in memory; 80,000 by default. */
  readonly cacheEntries?: number;
  /** Bytes of records fetched and not yet processed, and of what waits for the commit, each; 64 MiB by default. */
  readonly bufferBytes?: number;
  /**
   * How long a task with several inputs waits for one that has been read to its end, since it became empty, before it
   * goes on with the others; 0 by default. It makes the merge by timestamp hold for producers lagging by up to this.
   */
  readonly idleWaitMs?: number;
  /** A member that sends no heartbeat for this long leaves the group, and its tasks go to others; 10,000 by default. */
  readonly sessionTimeoutMs?: number;
  /** How often it gives that sign; 500 by default. */
  readonly heartbeatIntervalMs?: number;
  /** Told why nothing is processed, such as a schema registry that is unavailable, and undefined when it goes on. */
  readonly onHeldUp?: (why: string | undefined) => void;
  /** Whether each commit is journalled, which verification needs; on by default. */
  readonly journal?: boolean;
  /** What to do about state that the topology no longer fits; without a choice the start is refused. */
  readonly migrations?: Migrations;
  /** The hash of a plan whose proposals are accepted where the migrations say nothing. */
  readonly accepted?: string | undefined;
};

export const RUNTIME_DEFAULTS = {
  onRecordError: 'dead-letter',
  guarantee: 'exactly-once',
  standbys: 0,
  commitIntervalMs: 100,
  batchRecords: 2_000,
  cacheEntries: 80_000,
  bufferBytes: 64 * 1024 * 1024,
  idleWaitMs: 0,
  sessionTimeoutMs: 10_000,
  heartbeatIntervalMs: 500,
  journal: true,
} as const;

type Absent =
  | 'tracing'
  | 'catchUpCommitIntervalMs'
  | 'processId'
  | 'endpoint'
  | 'migrations'
  | 'accepted'
  | 'onHeldUp';
/** As they are when what was left out has got its default. */
export type CompleteOptions = Required<Omit<RuntimeOptions, Absent>> & Pick<RuntimeOptions, Absent>;
