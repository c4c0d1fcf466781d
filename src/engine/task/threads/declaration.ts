/** What a thread's module declares, and what the process sees of the thread. */
import type { MessagePort } from 'node:worker_threads';
import type { HandedOver, MetricValues } from '#platform';
import type { TaskRead } from '../../queries/peers.ts';
import type { PortRows } from '../../queries/port-rows.ts';
import type { TaskOwners } from '../assignment/assignment.ts';
import type { RuntimeOptions } from '../runtime-options.ts';
import type { EngineReport } from '../status/status.ts';

/** What a thread is told of its place. */
export type ThreadContext = {
  /** This thread's name within the group. */
  readonly instanceId: string;
  /** A connection to the process's log, where the process hands them out. */
  readonly connection: MessagePort | undefined;
  /** As given to `runOnThreads`. */
  readonly data: unknown;
};

/** What a thread runs, and how what was opened for it is closed. */
export type ThreadRuntime = {
  readonly options: Omit<RuntimeOptions, 'instanceId' | 'processId' | 'onHeldUp'>;
  /** Counts of the declaration's own, told with the thread's progress. */
  readonly counts?: () => Readonly<Record<string, number>>;
  /**
   * Whether to start again when a producer was fenced: where a coordinator does that to transactions that take too long,
   * as Kafka's do. By default a successor has taken over.
   */
  readonly restartsWhenFenced?: boolean;
  close(): Promise<void>;
};

/** The export `declare` of a thread's module: opens the log, declares the topology. Called once in each thread. */
export type DeclareThread = (context: ThreadContext) => Promise<ThreadRuntime>;

/** The worker data of a thread. */
export type ThreadInput = ThreadContext & { readonly module: string; readonly processId: string };

/** How far a thread, or all of a process, have come. */
export type ThreadProgress = {
  /** Records through all tasks since the start. */
  readonly processed: number;
  /** Records of the topology's sources that are readable and not processed yet, by topic. */
  readonly lag: Readonly<Record<string, number>>;
  /** As declared. */
  readonly counts: Readonly<Record<string, number>>;
};

/** What can be asked of a thread. */
export type CaughtUp = {
  /** Records since the start. */
  readonly processed: number;
  readonly tasks: readonly string[];
  /** Whether nothing at all was left to do. */
  readonly isQuiet: boolean;
  /** Tasks at most that a record goes through, one after the other. */
  readonly stages: number;
};

export type ThreadAnswers = {
  /** Undefined while it starts again. */
  report(): EngineReport | undefined;
  /** Who holds the tasks, as of the group's last round. */
  owners(): ReadonlyMap<string, TaskOwners>;
  /** Undefined where the thread does not have that copy. */
  rows(read: TaskRead): Promise<HandedOver<PortRows> | undefined>;
  metrics(): Promise<MetricValues>;
  /** Digests of the committed stores: `<task>/<store>` to hexadecimal digits. */
  digests(): Readonly<Record<string, string>>;
  /** Answered when everything that its tasks could read when it was asked is processed and committed. */
  untilCaughtUp(): Promise<CaughtUp>;
};

export type ThreadEvent =
  /** Its first tasks are restored. */
  | { readonly kind: 'started' }
  | { readonly kind: 'progress'; readonly progress: ThreadProgress }
  /** `why` nothing is processed; undefined when it goes on. */
  | { readonly kind: 'held-up'; readonly why: string | undefined };
