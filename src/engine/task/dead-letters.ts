import { errorCode, FatalError } from '#platform';
import type { DeadLetter } from '#schemas';
import type { RawRecord } from '../operators/source.ts';
import type { Topic } from '../serde.ts';
import type { Outbox } from './outbox.ts';

/** What becomes of a record that can't be decoded or processed. */
export type RecordErrorPolicy = 'dead-letter' | 'skip' | 'fail';

/** Sends records that an operator has refused where the policy says, with the reason and the original bytes. */
export class DeadLetters {
  readonly #policy: RecordErrorPolicy;
  readonly #topic: Topic<string, DeadLetter>;
  readonly #outbox: Outbox;
  readonly #count: (operator: string, reason: string) => void;

  constructor(
    policy: RecordErrorPolicy,
    topic: Topic<string, DeadLetter>,
    outbox: Outbox,
    count: (operator: string, reason: string) => void,
  ) {
    this.#policy = policy;
    this.#topic = topic;
    this.#outbox = outbox;
    this.#count = count;
  }

  record({ batch, index }: RawRecord, operator: string, error: unknown): void {
    this.#send(error, {
      topic: batch.topic,
      partition: batch.partition,
      offset: batch.offset(index),
      operator,
      timestamp: batch.timestamp(index),
      key: batch.key(index),
      value: batch.value(index),
    });
  }

  /** A timer has no record of its own: the letter names its key. */
  timer(key: string, dueMs: number, operator: string, error: unknown): void {
    const source = { topic: '', partition: 0, offset: -1, key: Buffer.from(key), value: null };
    this.#send(error, { ...source, operator, timestamp: dueMs });
  }

  #send(error: unknown, letter: Omit<DeadLetter, 'reason' | 'message'>): void {
    const reason = errorCode(error) ?? 'MR_PROCESSOR_THREW';
    const message = error instanceof Error ? error.message : String(error);
    this.#count(letter.operator, reason);
    if (this.#policy === 'skip') return;
    if (this.#policy === 'fail') {
      throw new FatalError('MR_RECORD_FAILED', `${letter.operator} failed on ${where(letter)}: ${message}`, {
        hint: 'mend the record or the processor, or choose another policy for record errors',
        cause: error,
      });
    }
    this.#outbox.add(this.#topic.name, 0, {
      key: Buffer.from(letter.topic),
      value: this.#topic.value.encode({ ...letter, reason, message }),
      timestamp: letter.timestamp,
    });
  }
}

function where(letter: { topic: string; partition: number; offset: number }): string {
  return `${letter.topic}-${letter.partition} offset ${letter.offset}`;
}
