import type { MessagePort } from 'node:worker_threads';
import type { WireError } from '#log';
import type { TaskRead } from '../../queries/peers.ts';
import type { PortRows } from '../../queries/port-rows.ts';
import type { TaskOwners } from '../assignment/assignment.ts';
import type { RuntimeOptions } from '../runtime-options.ts';
import type { EngineReport } from '../status/introspection-report.ts';

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
  readonly options: Omit<RuntimeOptions, 'instanceId' | 'processId'>;
  close(): Promise<void>;
};

/** The export `declare` of a thread's module: opens the log, declares the topology. Called once in each thread. */
export type DeclareThread = (context: ThreadContext) => Promise<ThreadRuntime>;

/** The worker data of a thread. */
export type ThreadInput = ThreadContext & { readonly module: string; readonly processId: string };

/** What can be asked of a thread, with the answer. */
export type ThreadAnswers = {
  readonly report: EngineReport;
  /** Who holds the tasks, as of the group's last round. */
  readonly owners: ReadonlyMap<string, TaskOwners>;
  /** Undefined where the thread does not have that copy. */
  readonly rows: PortRows | undefined;
};

export type ThreadQuestion =
  | { readonly kind: 'report' }
  | { readonly kind: 'owners' }
  | { readonly kind: 'rows'; readonly read: TaskRead };

export type ToThread =
  | { readonly kind: 'stop' }
  | { readonly kind: 'ask'; readonly id: number; readonly question: ThreadQuestion };

export type FromThread =
  | { readonly kind: 'started' }
  | { readonly kind: 'answer'; readonly id: number; readonly answer: ThreadAnswers[ThreadQuestion['kind']] }
  | { readonly kind: 'refused'; readonly id: number; readonly error: WireError }
  | { readonly kind: 'failed'; readonly error: WireError };
