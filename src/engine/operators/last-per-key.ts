import type { LastPerKeyNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { type FlowRecord, RecordList } from './record.ts';

/** Holds the last record of each key until the task commits: emission per commit. */
export class LastPerKeyOperator implements Operator {
  readonly input = new RecordList();
  readonly #node: LastPerKeyNode;
  readonly #output: Output;
  readonly #held = new Map<string, FlowRecord>();
  #watermark = 0;

  constructor(node: LastPerKeyNode, output: Output) {
    this.#node = node;
    this.#output = output;
  }

  run(step: Step): void {
    this.#watermark = step.watermark;
    for (let i = 0; i < this.input.length; i++) {
      const record = this.input.at(i);
      try {
        // One without a key takes no other's place.
        if (record.key === null) this.#output.push(record);
        else this.#held.set(this.#node.keyOf(record), record);
      } catch (error) {
        step.reject(record, this.#node.name, error);
      }
    }
  }

  flush(): void {
    const watermark = this.#watermark;
    for (const [key, record] of this.#held) {
      // The record that led here belongs to an earlier batch; what goes wrong from here on names the key instead.
      const timer = record.timer ?? { key, dueMs: record.timestamp };
      // What lies behind has closed its windows meanwhile: late is late by the watermark of now.
      const { value, timestamp, trace } = record;
      this.#output.push({
        key: record.key,
        value,
        timestamp,
        watermark,
        sequence: 0,
        timer,
        trace,
        raw: undefined,
      });
    }
    this.#held.clear();
  }
}
