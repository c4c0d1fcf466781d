import { ConfigurationError, FatalError, InvariantError, RetryableError } from '#platform';
import type { FlowRecord, RawRecord, RecordList } from './record.ts';

/** What the operators of a task share while one batch runs through them. */
export type Step = {
  readonly wallNow: number;
  /** Whether what a handler writes is tried at once: a value that no store takes is an error of its record then. */
  readonly triesWrites: boolean;
  /**
   * Applies the topology's policy (dead letter, skip, fail) to what led to a record that an operator could not handle:
   * a record of the batch, or a timer. Throws an error that is none of the record's: a store that is damaged, a
   * registry that is unavailable, a bug.
   */
  reject(cause: Cause, operator: string, error: unknown): void;
  /** Counts records that an operator has dropped, as it may. */
  drop(operator: string, reason: string): void;
  /** Counts a read that no operator declared. */
  undeclaredRead(operator: string, store: string): void;
  /** Told of each record that has a trace context. */
  traced(record: RawRecord, traceparent: Buffer): void;
};

export type Cause = Pick<FlowRecord, 'sequence'> & Partial<Pick<FlowRecord, 'timer'>>;

/** Whether another record would have fared better. */
export function isOfRecord(error: unknown): boolean {
  const others = [ConfigurationError, FatalError, InvariantError, RetryableError];
  return !others.some((each) => error instanceof each);
}

/** A node at work in a task: takes all of its inputs' records, hands on all that becomes of them. */
export interface Operator {
  run(step: Step): Promise<void> | void;
  /** The task is about to commit: lets go of what was held back until then. */
  flush?(): void;
}

/** Where an operator's records go: the input lists of the operators connected to it. */
export class Output {
  readonly #targets: RecordList[] = [];

  connect(target: RecordList): void {
    this.#targets.push(target);
  }

  push(record: FlowRecord): void {
    const targets = this.#targets;
    for (let i = 0; i < targets.length; i++) (targets[i] as RecordList).push(record);
  }
}
