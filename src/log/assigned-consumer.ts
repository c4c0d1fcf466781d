import { Assignment } from './assignment.ts';
import type { Consumer, ConsumerOptions, RecordBatch, TopicPartition } from './port.ts';

/** What the consumers of all logs have in common: a kind of log adds how a poll gets its batches, and waits for them. */
export abstract class AssignedConsumer implements Consumer {
  protected readonly assignment: Assignment;

  constructor({ maxBytes }: ConsumerOptions) {
    this.assignment = new Assignment(maxBytes);
  }

  assign(positions: readonly (TopicPartition & { readonly offset: number })[]): void {
    this.assertOpen();
    this.assignment.replace(positions);
    this.wake();
  }

  pause(partitions: readonly TopicPartition[]): void {
    this.assertOpen();
    this.assignment.setPaused(partitions, true);
  }

  resume(partitions: readonly TopicPartition[]): void {
    this.assertOpen();
    this.assignment.setPaused(partitions, false);
    this.wake();
  }

  end(at: TopicPartition): number | undefined {
    return this.assignment.of(at)?.end;
  }

  position(at: TopicPartition): number | undefined {
    return this.assignment.of(at)?.position;
  }

  abstract poll(timeoutMs: number): Promise<readonly RecordBatch[]>;

  abstract close(): Promise<void>;

  /** Errors: MR_LOG_CLOSED. */
  protected abstract assertOpen(): void;

  /** A poll that waits looks again, when the caller's turn of the event loop is over. */
  protected abstract wake(): void;
}
