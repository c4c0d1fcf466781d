import type { MessagePort } from 'node:worker_threads';
import type { WireError } from '../../log/errors.ts';
import type { RuntimeOptions } from '../runtime.ts';
import type { RuntimeStatus } from '../status.ts';

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

export type ToThread = { readonly kind: 'stop' } | { readonly kind: 'status'; readonly id: number };

export type FromThread =
  | { readonly kind: 'started' }
  | { readonly kind: 'status'; readonly id: number; readonly status: RuntimeStatus }
  | { readonly kind: 'failed'; readonly error: WireError };
