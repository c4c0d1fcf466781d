import type { FlowRecord } from './record.ts';

/** What the operators of a task share while one batch runs through them. */
export type Step = {
  /** The task's watermark after the batch. */
  readonly watermark: number;
  readonly wallNow: number;
  /** Sequence of the batch's last record. */
  readonly lastSequence: number;
  /** Applies the topology's policy (dead letter, skip, fail) to a record that an operator could not handle. */
  reject(sequence: number, operator: string, error: unknown): void;
  rejectTimer(key: string, dueMs: number, operator: string, error: unknown): void;
};

/** A node at work in a task: takes all of its inputs' records, hands on all that becomes of them. */
export interface Operator {
  run(step: Step): Promise<void> | void;
}

/** Where an operator's records go: the input lists of the operators connected to it. */
export class Output {
  readonly #targets: FlowRecord[][] = [];

  connect(target: FlowRecord[]): void {
    this.#targets.push(target);
  }

  push(record: FlowRecord): void {
    for (const target of this.#targets) target.push(record);
  }
}
