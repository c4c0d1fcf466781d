import type { RecordBatch, TopicPartition } from './port.ts';

/** A partition that a consumer reads. */
export type Assigned = TopicPartition & {
  position: number;
  /** The stable offset last seen. */
  end: number | undefined;
  paused: boolean;
  /** A running guess, so that a fetch asks for about as many batches as it may return. */
  batchBytes: number;
};

/**
 * Adds batches of one partition: up to its share of the poll, or one that still has room in the poll (`left`), or one if
 * it is the poll's first. Returns the bytes taken, undefined when there were batches but none had room.
 */
export type Fetch = (
  assigned: Assigned,
  left: number,
  share: number,
  batches: RecordBatch[],
) => number | undefined;

const nameOf = (at: TopicPartition) => `${at.topic}/${at.partition}`;

/** The partitions of a consumer, with their positions, and whose turn it is. */
export class Assignment {
  readonly #maxBytes: number;
  #byName = new Map<string, Assigned>();
  #order: Assigned[] = [];
  #turn = 0;

  constructor(maxBytes = 1024 * 1024) {
    this.#maxBytes = maxBytes;
  }

  replace(positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    this.#order = positions.map(({ topic, partition, offset }) => ({
      topic,
      partition,
      position: offset,
      end: undefined,
      paused: false,
      batchBytes: 8192,
    }));
    this.#byName = new Map(this.#order.map((assigned) => [nameOf(assigned), assigned]));
    this.#turn = 0;
  }

  setPaused(partitions: readonly TopicPartition[], paused: boolean): void {
    for (const at of partitions) {
      const assigned = this.of(at);
      if (assigned !== undefined) assigned.paused = paused;
    }
  }

  of(at: TopicPartition): Assigned | undefined {
    return this.#byName.get(nameOf(at));
  }

  /** What is there, each partition in turn; the one that found no room comes first the next time. */
  fetch(fetch: Fetch): RecordBatch[] {
    const batches: RecordBatch[] = [];
    const partitions = this.#order.length;
    const first = this.#turn;
    let left = this.#maxBytes;
    this.#turn = (first + 1) % Math.max(1, partitions);
    for (let i = 0; i < partitions; i++) {
      const index = (first + i) % partitions;
      const assigned = this.#order[index] as Assigned;
      if (assigned.paused) continue;
      const before = batches.length;
      let taken: number | undefined;
      try {
        taken = fetch(assigned, left, left / (partitions - i), batches);
      } catch (error) {
        if (before === 0) throw error;
        // What other partitions gave must not be lost: this one comes first in the next poll, and fails there.
        batches.length = before;
      }
      if (taken === undefined) {
        this.#turn = index;
        break;
      }
      left -= taken;
    }
    return batches;
  }
}
