import type { StatelessNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { derived, type FlowRecord, RecordList } from './record.ts';
import { undefinedOf } from './record-checks.ts';

/** map, filter and flatMap: what becomes of a record depends on that record alone. */
export class StatelessOperator implements Operator {
  readonly input = new RecordList();
  readonly #node: StatelessNode;
  readonly #output: Output;

  constructor(node: StatelessNode, output: Output) {
    this.#node = node;
    this.#output = output;
  }

  run(step: Step): void {
    const emitted: unknown[] = [];
    let emits = 0;
    let at: FlowRecord | undefined;
    const emit = (value: unknown) => {
      if (value === undefined) throw undefinedOf(this.#node.name, at?.key);
      emitted[emits++] = value;
    };
    for (let i = 0; i < this.input.length; i++) {
      const record = this.input.at(i);
      at = record;
      emits = 0;
      try {
        this.#node.apply(record, emit);
      } catch (error) {
        step.reject(record, this.#node.name, error);
        continue;
      }
      for (let j = 0; j < emits; j++) {
        this.#output.push(derived(record, record.key, emitted[j], record.timestamp));
      }
    }
  }
}
