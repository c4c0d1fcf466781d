import type { RecordBatch } from '#log';

/** A record of the task's batch as it was read; holds until the next batch is taken. */
export type RawRecord = Readonly<TakenRecord>;
export type TakenRecord = {
  source: string;
  batch: RecordBatch;
  index: number;
  sequence: number;
};

/** A record on its way through a task's operators. Shared between branches: never mutated. */
export type FlowRecord<K = unknown, V = unknown> = {
  readonly key: K;
  readonly value: V;
  /** Event time, ms. */
  readonly timestamp: number;
  /** Position in the task's batch of the source record that led here; orders inputs of one operator. */
  readonly sequence: number;
  /** The timer that led here, where it was none of the batch's records. */
  readonly timer: { readonly key: string; readonly dueMs: number } | undefined;
  /** The `traceparent` header of the source record. */
  readonly trace: Buffer | undefined;
  /** What the value was decoded from, within the batch in which it was read, and until a function has had it. */
  readonly raw?: RawRecord | undefined;
};

/** What becomes of a record, under another key, value or time. One function, so that all records have one shape. */
export function derived(cause: FlowRecord, key: unknown, value: unknown, timestamp: number): FlowRecord {
  const { sequence, timer, trace } = cause;
  return { key, value, timestamp, sequence, timer, trace, raw: undefined };
}

/**
 * What an operator takes of one input in a batch. Emptied it keeps its room, which an array whose length is set to 0
 * gives up: growing it again for each batch was a fifth of all that the engine allocated.
 */
export class RecordList<T = FlowRecord> {
  length = 0;
  readonly #records: (T | undefined)[] = [];

  push(record: T): void {
    this.#records[this.length++] = record;
  }

  at(index: number): T {
    return this.#records[index] as T;
  }

  clear(): void {
    // What stayed here would be carried along by the garbage collector.
    this.#records.fill(undefined, 0, this.length);
    this.length = 0;
  }
}

/**
 * Merges inputs of one operator into the order in which their causes were read: by sequence, then port. Within a
 * port the order of emission holds. No generator, which would allocate twice a record.
 */
export class BySequence {
  readonly #ports: readonly RecordList[];
  readonly #cursors: number[];
  /** Where the last record came from. */
  port = 0;
  index = 0;

  constructor(ports: readonly RecordList[]) {
    this.#ports = ports;
    this.#cursors = ports.map(() => 0);
  }

  next(): FlowRecord | undefined {
    let next: FlowRecord | undefined;
    for (let port = 0; port < this.#ports.length; port++) {
      const records = this.#ports[port] as RecordList;
      const cursor = this.#cursors[port] as number;
      if (cursor === records.length) continue;
      const head = records.at(cursor);
      if (next !== undefined && head.sequence >= next.sequence) continue;
      next = head;
      this.port = port;
    }
    if (next !== undefined) {
      this.index = this.#cursors[this.port] as number;
      this.#cursors[this.port] = this.index + 1;
    }
    return next;
  }
}
