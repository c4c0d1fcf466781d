import type { RecordBatch, TopicSpec } from '#log';
import type { Topology } from '../../topology/topology.ts';
import {
  encodeJournalEntry,
  type JournalRun,
  type JournalStep,
  type JournalStore,
} from './journal-format.ts';

/** Verification from the beginning is possible for so long. */
const RETENTION_MS = 90 * 86_400_000;

/**
 * The journal topic of a topology: an entry a commit of a task, keyed by the task's name. One partition, so that a commit
 * adds one batch to it and not one a task; one shape, whatever becomes of the topology.
 */
export function journalTopic({ name, generation }: Pick<Topology, 'name' | 'generation'>): TopicSpec {
  return {
    name: `${name}-${generation}-journal`,
    partitions: 1,
    cleanup: { policy: 'delete', retentionMs: RETENTION_MS },
  };
}

const journalName = /^(.*-\d+)-journal$/;

/** The consumer group of the topology whose journal a topic is, by the topic's name; undefined where it is none. */
export function groupOfJournal(topic: string): string | undefined {
  return journalName.exec(topic)?.[1];
}

export function isJournalTopic(name: string): boolean {
  return groupOfJournal(name) !== undefined;
}

/** An input whose progress is journalled. */
type InputPartition = {
  readonly node: { readonly topic: { readonly name: string } };
  readonly position: number;
  readonly watermark: { takeFollowed(): number | undefined };
};

/** What a journal entry needs to know of the task at a commit. */
export type Committing = {
  readonly committedAt: number;
  readonly watermark: number;
  readonly stores: readonly JournalStore[];
};

/** Notes what a task takes from which input, for the entry of its next commit. */
export class Journal {
  readonly #inputs: readonly InputPartition[];
  #isFirst: boolean;
  /** Positions as of the last commit. */
  #positions: number[];
  #steps: JournalStep[] = [];
  #followed = new Map<number, number>();
  #runs: JournalRun[] = [];
  #current: InputPartition | undefined;
  #first = 0;
  #count = 0;
  #lastBatch: RecordBatch | undefined;
  #lastIndex = 0;

  /** `isFirst`: the task has never committed. */
  constructor(inputs: readonly InputPartition[], isFirst: boolean) {
    this.#inputs = inputs;
    this.#isFirst = isFirst;
    this.#positions = inputs.map(({ position }) => position);
  }

  /** Called for each record, heartbeats included, in the order in which they are taken. */
  took(input: InputPartition, batch: RecordBatch, index: number): void {
    if (input !== this.#current) {
      this.#endRun();
      this.#current = input;
      this.#first = batch.offset(index);
    }
    this.#count++;
    this.#lastBatch = batch;
    this.#lastIndex = index;
  }

  /** The end of a call of `process`; `ran`: whether operators were run. */
  processed(wallNow: number, watermark: number, ran: boolean): void {
    this.#endRun();
    if (ran || this.#runs.length > 0) this.#addStep(true, wallNow, watermark);
    else this.#noteFollowed();
  }

  /** The entry for what is being committed; undefined where nothing has happened that a replay needs. */
  entry({ committedAt, watermark, stores }: Committing): Buffer | undefined {
    this.#noteFollowed();
    if (this.#followed.size > 0) this.#addStep(false, committedAt, watermark);
    const before = this.#positions;
    const after = this.#inputs.map(({ position }) => position);
    const steps = this.#steps;
    if (steps.length === 0 && after.every((position, i) => position === before[i])) return undefined;
    const inputs = this.#inputs.map(({ node }, i) => {
      return { topic: node.topic.name, from: before[i] as number, to: after[i] as number };
    });
    const isFirst = this.#isFirst;
    const entry = encodeJournalEntry({ isFirst, lacksRecords: false, committedAt, inputs, steps, stores });
    this.#isFirst = false;
    this.#positions = after;
    this.#steps = [];
    return entry;
  }

  #addStep(processed: boolean, wallNow: number, watermark: number): void {
    this.#noteFollowed();
    const followed = Array.from(this.#followed, ([input, wallNow]) => ({ input, wallNow }));
    this.#steps.push({ processed, wallNow, watermark, followed, runs: this.#runs });
    this.#followed.clear();
    this.#runs = [];
  }

  #noteFollowed(): void {
    for (const [i, { watermark }] of this.#inputs.entries()) {
      const wallNow = watermark.takeFollowed();
      if (wallNow !== undefined) this.#followed.set(i, Math.max(wallNow, this.#followed.get(i) ?? wallNow));
    }
  }

  #endRun(): void {
    if (this.#current === undefined || this.#lastBatch === undefined) return;
    const input = this.#inputs.indexOf(this.#current);
    const last = this.#lastBatch.offset(this.#lastIndex);
    this.#runs.push({ input, first: this.#first, last, count: this.#count });
    this.#current = undefined;
    this.#lastBatch = undefined;
    this.#count = 0;
  }
}
