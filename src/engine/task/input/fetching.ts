import type { Consumer, RecordBatch, TopicPartition } from '#log';
import type { Clock, Counter } from '#platform';
import type { IdleInputs } from './idle-inputs.ts';
import type { InputPartition, TaskInput } from './input.ts';

/** Held of an input beyond this only cools the processor's caches: the log is as fast as it was. */
const READ_AHEAD_BYTES = 1024 * 1024;

/** Bytes that one fetch returns: small beside any budget. */
export const FETCH_BYTES = 1024 * 1024;

/** A task that is fed. */
export type FedTask = {
  readonly partition: number;
  readonly input: TaskInput;
  inputOf(topic: string): InputPartition | undefined;
  buffer(batch: RecordBatch): void;
  fetchPositions(): (TopicPartition & { readonly offset: number })[];
};

/**
 * Brings records from the log into the tasks' buffers. Each input partition has an equal share of the budget of bytes
 * and is paused while it holds more; one that holds nothing is always fetched, so that tasks that wait for it go on. So
 * the process holds at most the budget and one fetch, whatever the rate of the input, and however slow what follows is.
 */
export class Fetching {
  readonly #consumer: Consumer;
  readonly #clock: Clock;
  readonly #bufferBytes: number;
  readonly #idleInputs: IdleInputs;
  readonly #read: Counter<'topic'>;
  readonly #paused = new Set<InputPartition>();

  constructor(
    consumer: Consumer,
    options: { readonly clock: Clock; readonly bufferBytes: number },
    idleInputs: IdleInputs,
    read: Counter<'topic'>,
  ) {
    this.#consumer = consumer;
    this.#clock = options.clock;
    this.#bufferBytes = options.bufferBytes;
    this.#idleInputs = idleInputs;
    this.#read = read;
  }

  assign(tasks: readonly FedTask[]): void {
    this.#consumer.assign(tasks.flatMap((task) => task.fetchPositions()));
    this.#paused.clear();
    this.#applyBackPressure(tasks);
  }

  /** Returns the number of batches that came within `waitMs`. */
  async fetch(tasks: readonly FedTask[], waitMs: number): Promise<number> {
    const batches = await this.#consumer.poll(waitMs);
    const now = this.#clock.now();
    for (const batch of batches) {
      this.#read.inc({ topic: batch.topic }, batch.count);
      for (const task of tasks) {
        const input = task.partition === batch.partition ? task.inputOf(batch.topic) : undefined;
        if (input === undefined) continue;
        task.buffer(batch);
        this.#idleInputs.sawRecords(input, now);
      }
    }
    for (const { place, input } of inputsOf(tasks)) {
      const end = this.#consumer.end(place);
      // What the log has of a paused partition is not known; one that waits for the watermark is waited for by nobody.
      const isKnown = !this.#paused.has(input) || input.node.release === 'at-watermark';
      input.fetchedAll = isKnown && end !== undefined && (this.#consumer.position(place) ?? 0) >= end;
    }
    this.#applyBackPressure(tasks);
    return batches.length;
  }

  #applyBackPressure(tasks: readonly FedTask[]): void {
    const inputs = [...inputsOf(tasks)];
    const share = Math.min(this.#bufferBytes / inputs.length, READ_AHEAD_BYTES);
    for (const { place, input } of inputs) {
      const isPaused = this.#paused.has(input);
      if (!isPaused && input.bufferedBytes > 0 && input.bufferedBytes >= share) {
        this.#paused.add(input);
        this.#consumer.pause([place]);
      } else if (isPaused && input.bufferedBytes <= share / 2) {
        this.#paused.delete(input);
        this.#consumer.resume([place]);
      }
    }
  }

  /** The stable end of an input as of the last fetch. */
  end(place: TopicPartition): number | undefined {
    return this.#consumer.end(place);
  }

  close(): Promise<void> {
    return this.#consumer.close();
  }
}

function* inputsOf(tasks: readonly FedTask[]): Generator<{ place: TopicPartition; input: InputPartition }> {
  for (const { input, partition } of tasks) {
    for (const each of input.partitions) {
      yield { place: { topic: each.node.topic.name, partition }, input: each };
    }
  }
}

export function bufferedBytes(tasks: readonly FedTask[]): number {
  let bytes = 0;
  for (const { input } of tasks) for (const each of input.partitions) bytes += each.bufferedBytes;
  return bytes;
}

/** How long records that are at hand wait for those of other inputs; Infinity where there are none. */
export function gatheringMs(tasks: readonly FedTask[]): number {
  let longest = Number.POSITIVE_INFINITY;
  for (const { input } of tasks) {
    const isAtHand = input.partitions.some(
      ({ bufferedRecords, node }) => bufferedRecords > 0 && node.release === 'on-arrival',
    );
    if (isAtHand) longest = Math.min(longest, input.heldForMs);
  }
  return longest;
}

/** Whether a task that waits for nothing has more to read than the next round takes. */
export function isBehind(tasks: readonly FedTask[], batchRecords: number): boolean {
  return tasks.some(({ input }) =>
    input.partitions.some(
      ({ node, fetchedAll, bufferedRecords }) =>
        node.release === 'on-arrival' && (!fetchedAll || bufferedRecords > batchRecords),
    ),
  );
}
