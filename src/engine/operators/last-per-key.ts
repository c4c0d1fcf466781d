import type { LastPerKeyNode } from '../topology/node.ts';
import type { Operator, Output } from './operator.ts';
import type { FlowRecord } from './record.ts';

/** Holds the last record of each key until the task commits: emission per commit. */
export class LastPerKeyOperator implements Operator {
  readonly input: FlowRecord[] = [];
  readonly #node: LastPerKeyNode;
  readonly #output: Output;
  readonly #held = new Map<string, FlowRecord>();

  constructor(node: LastPerKeyNode, output: Output) {
    this.#node = node;
    this.#output = output;
  }

  run(): void {
    for (const record of this.input) this.#held.set(this.#node.keyOf(record), record);
  }

  flush(): void {
    for (const [key, record] of this.#held) {
      // The record that led here belongs to an earlier batch; what goes wrong from here on names the key instead.
      const timer = record.timer ?? { key, dueMs: record.timestamp };
      this.#output.push({ ...record, sequence: 0, timer });
    }
    this.#held.clear();
  }
}
