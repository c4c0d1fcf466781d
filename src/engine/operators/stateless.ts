import type { StatelessNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { derived, type FlowRecord } from './record.ts';

/** map, filter and flatMap: what becomes of a record depends on that record alone. */
export class StatelessOperator implements Operator {
  readonly input: FlowRecord[] = [];
  readonly #node: StatelessNode;
  readonly #output: Output;

  constructor(node: StatelessNode, output: Output) {
    this.#node = node;
    this.#output = output;
  }

  run(step: Step): void {
    const emitted: unknown[] = [];
    const emit = (value: unknown) => {
      emitted.push(value);
    };
    for (const record of this.input) {
      emitted.length = 0;
      try {
        this.#node.apply(record, emit);
      } catch (error) {
        step.reject(record, this.#node.name, error);
        continue;
      }
      for (const value of emitted) this.#output.push(derived(record, record.key, value, record.timestamp));
    }
  }
}
