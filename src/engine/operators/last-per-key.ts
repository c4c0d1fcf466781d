import { KeyTable } from '../store/key-table.ts';
import type { Timeline } from '../time/timeline.ts';
import type { LastPerKeyNode } from '../topology/node.ts';
import type { Operator, Output, Step } from './operator.ts';
import { type FlowRecord, RecordList } from './record.ts';

/** What is kept of the last record of a key. */
type Held = {
  /** As text. */
  key: string;
  recordKey: unknown;
  value: unknown;
  timestamp: number;
  timer: FlowRecord['timer'];
  trace: FlowRecord['trace'];
};

/**
 * Holds the last record of each key until the task commits: emission per commit. Time waits with them: downstream the
 * watermark stays where the last commit left it until they have gone out, or it would make them late. What is kept of
 * records lies in objects that serve again after the commit: the records themselves, held so long, would outlive the
 * garbage collector's nursery.
 */
export class LastPerKeyOperator implements Operator {
  readonly input = new RecordList();
  readonly #time: Timeline;
  /** What the watermark is downstream. */
  readonly #timeAfter: Timeline;
  readonly #withKeys = new RecordList();
  readonly #node: LastPerKeyNode;
  readonly #output: Output;
  readonly #held = new KeyTable<Held>();
  /** The first ones, as many as are held, in the order in which their keys came; the others serve again. */
  readonly #places: Held[] = [];
  /** The keys of a batch, as text, and what is held of each. */
  readonly #keys: string[] = [];
  readonly #found: (Held | undefined)[] = [];

  constructor(node: LastPerKeyNode, output: Output, time: Timeline, timeAfter: Timeline) {
    this.#node = node;
    this.#output = output;
    this.#time = time;
    this.#timeAfter = timeAfter;
  }

  run(step: Step): void {
    this.#time.settle();
    this.#timeAfter.begin();
    this.#timeAfter.end(this.#time.steps, this.#timeAfter.last);
    const records = this.#keyed(step);
    this.#held.getMany(this.#keys, records.length, this.#found);
    for (let i = 0; i < records.length; i++)
      this.#hold(this.#keys[i] as string, records.at(i), this.#found[i]);
    records.clear();
  }

  /** The records that have a key; their texts are `#keys`. */
  #keyed(step: Step): RecordList {
    const records = this.#withKeys;
    for (let i = 0; i < this.input.length; i++) {
      const record = this.input.at(i);
      try {
        // One without a key takes no other's place.
        if (record.key === null) this.#output.push(record);
        else {
          this.#keys[records.length] = this.#node.keyOf(record);
          records.push(record);
        }
      } catch (error) {
        step.reject(record, this.#node.name, error);
      }
    }
    return records;
  }

  #hold(text: string, { key, value, timestamp, timer, trace }: FlowRecord, found: Held | undefined): void {
    const held = found ?? this.#held.get(text) ?? this.#place(text, key);
    held.value = value;
    held.timestamp = timestamp;
    held.timer = timer;
    held.trace = trace;
  }

  #place(key: string, recordKey: unknown): Held {
    const place = this.#held.size;
    const held = this.#places[place] ?? {
      key,
      recordKey,
      value: undefined,
      timestamp: 0,
      timer: undefined,
      trace: undefined,
    };
    this.#places[place] = held;
    held.key = key;
    held.recordKey = recordKey;
    this.#held.add(held);
    return held;
  }

  flush(): void {
    // Nothing needed the others this time.
    this.#places.length = this.#held.size;
    for (const held of this.#places) {
      const { key, recordKey, value, timestamp, timer, trace } = held;
      this.#output.push({
        key: recordKey,
        value,
        timestamp,
        sequence: 0,
        // The record that led here belongs to an earlier batch; what goes wrong from here on names the key instead.
        timer: timer ?? { key, dueMs: timestamp },
        trace,
        raw: undefined,
      });
      // What stayed here would be carried along by the garbage collector.
      held.value = undefined;
      held.timer = undefined;
      held.trace = undefined;
    }
    this.#held.clear();
    this.#timeAfter.reach(this.#timeAfter.steps, this.#time.last);
  }
}
