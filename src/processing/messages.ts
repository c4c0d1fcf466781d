/** What the thread that asks and those that process tell each other. */

import type { MessagePort } from 'node:worker_threads';
import type { EngineReport, PortRows, TaskOwners, TaskRead } from '#engine';
import type { LogConfiguration } from '#log';
import type { Configuration, MetricValues, Remedy } from '#platform';
import type { Runs } from './declared-topology.ts';

export type WorkerInput = {
  readonly runs: Runs;
  /** From `connect()` of the process's embedded log; transferred. On Kafka the worker has connections of its own. */
  readonly connection: MessagePort | undefined;
  /** Where the stores lie, apart from those of any other log. */
  readonly stateDirectory: string;
  /** Of the process, among those that share the tasks; the same after a restart, so that they are taken back at once. */
  readonly instanceId: string;
  /** Of the thread within the process, from 0 on. */
  readonly thread: number;
  /** Where other members can ask this one's stores: see servePeers of the engine. */
  readonly endpoint?: string | undefined;
  readonly configuration: LogConfiguration &
    Pick<
      Configuration,
      'logging' | 'engine' | 'admission' | 'examples' | 'gate' | 'versions' | 'features' | 'privacy'
    >;
};

/** How far processing has come. */
export type ProcessingProgress = {
  /** Records through all tasks since the start. */
  readonly processed: number;
  /** Events that admission has decided on since the start. */
  readonly admitted: number;
  /** Records of the topology's sources that are readable and not processed yet, by topic. */
  readonly lag: Readonly<Record<string, number>>;
};

/** Where a thread has nothing left to do. */
export type CaughtUp = {
  /** Records through its tasks since its start. */
  readonly processed: number;
  /** The names of its tasks. */
  readonly tasks: readonly string[];
};

/** What can be asked of a thread, with the answer. */
export type Answers = {
  /** Answered when everything that its tasks could read when it was asked is processed and committed. */
  readonly 'until-caught-up': CaughtUp;
  readonly metrics: MetricValues;
  /** Digests of the committed stores: `<task>/<store>` to hexadecimal digits. */
  readonly digests: Readonly<Record<string, string>>;
  /** What each task does, and what has become of the records in it. */
  readonly report: EngineReport | undefined;
  /** Who holds which task, as of the group's last round. */
  readonly owners: ReadonlyMap<string, TaskOwners>;
};

export type Question = keyof Answers;

export type ToWorker =
  | { readonly kind: 'ask'; readonly id: number; readonly question: Question }
  | { readonly kind: 'rows'; readonly id: number; readonly read: TaskRead }
  | { readonly kind: 'stop' };

export type Failure = {
  readonly message: string;
  readonly code: string | undefined;
  readonly hint: string | undefined;
  readonly stack: string | undefined;
  /** Undefined where the error is none of ours. */
  readonly remedy: Remedy | undefined;
};

export type FromWorker =
  | { readonly kind: 'started' }
  | { readonly kind: 'progress'; readonly progress: ProcessingProgress }
  /** `why` nothing is processed; undefined when it goes on. */
  | { readonly kind: 'held-up'; readonly why: string | undefined }
  | {
      readonly kind: 'answer';
      readonly id: number;
      readonly answer: Answers[Question] | PortRows | undefined;
    }
  | { readonly kind: 'refused'; readonly id: number; readonly failure: Failure }
  | { readonly kind: 'failed'; readonly failure: Failure };
