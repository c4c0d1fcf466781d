import type { LastPerKeyNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { type FlowRecord, RecordList } from './record.ts';

/** What is kept of the last record of a key. */
type Held = {
  key: unknown;
  text: string;
  value: unknown;
  timestamp: number;
  timer: FlowRecord['timer'];
  trace: FlowRecord['trace'];
};

/**
 * Holds the last record of each key until the task commits: emission per commit. What is kept of records lies in objects
 * that serve again behind the commit: the records themselves, held so long, would outlive the garbage collector's nursery.
 */
export class LastPerKeyOperator implements Operator {
  readonly input = new RecordList();
  readonly #node: LastPerKeyNode;
  readonly #output: Output;
  readonly #held = new Map<string, Held>();
  /** The first ones, as many as are held, in the order in which their keys came; the others serve again. */
  readonly #places: Held[] = [];
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
        else this.#hold(this.#node.keyOf(record), record);
      } catch (error) {
        step.reject(record, this.#node.name, error);
      }
    }
  }

  #hold(text: string, { key, value, timestamp, timer, trace }: FlowRecord): void {
    let held = this.#held.get(text);
    if (held === undefined) {
      const place = this.#held.size;
      held = this.#places[place] ?? { key, text, value, timestamp, timer, trace };
      this.#places[place] = held;
      this.#held.set(text, held);
      held.key = key;
      held.text = text;
    }
    held.value = value;
    held.timestamp = timestamp;
    held.timer = timer;
    held.trace = trace;
  }

  flush(): void {
    const watermark = this.#watermark;
    // Nothing needed the others this time.
    this.#places.length = this.#held.size;
    for (const held of this.#places) {
      const { key, text, value, timestamp, timer, trace } = held;
      this.#output.push({
        key,
        value,
        timestamp,
        // What lies behind has closed its windows meanwhile: late is late by the watermark of now.
        watermark,
        sequence: 0,
        // The record that led here belongs to an earlier batch; what goes wrong from here on names the key instead.
        timer: timer ?? { key: text, dueMs: timestamp },
        trace,
        raw: undefined,
      });
      // What stayed here would be carried along by the garbage collector.
      held.value = undefined;
      held.timer = undefined;
      held.trace = undefined;
    }
    this.#held.clear();
  }
}
