import { MAX_RECORD_BYTES } from '#log';
import { errorCode, FatalError } from '#platform';
import { deadLetterHeaders } from '../dead-letter-headers.ts';
import type { DeadLetter } from '../dead-letter-topic.ts';
import type { Outbox } from '../operators/outbox.ts';
import type { RawRecord } from '../operators/record.ts';
import type { Topic } from '../serde.ts';

/** What becomes of a record that can't be decoded or processed. */
export type RecordErrorPolicy = 'dead-letter' | 'skip' | 'fail';

/** What is kept of an error's message. */
const MESSAGE_CHARACTERS = 2_000;
/** Beyond it Avro's long is not exact. */
const LARGEST_TIME_MS = 2 ** 52 - 1;

/** Sends records that an operator has refused where the policy says, with the reason and the original bytes. */
export class DeadLetters {
  readonly #policy: RecordErrorPolicy;
  readonly #topic: Topic<string, DeadLetter>;
  readonly #outbox: Outbox;
  readonly #now: () => number;
  readonly #count: (operator: string, reason: string) => void;

  constructor(
    policy: RecordErrorPolicy,
    topic: Topic<string, DeadLetter>,
    outbox: Outbox,
    now: () => number,
    count: (operator: string, reason: string) => void,
  ) {
    this.#policy = policy;
    this.#topic = topic;
    this.#outbox = outbox;
    this.#now = now;
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

  /** A timer, or a store's entry at the commit, has no record of its own: the letter names its key. */
  key(key: string, timestamp: number, operator: string, error: unknown): void {
    const source = { topic: '', partition: 0, offset: -1, key: Buffer.from(key), value: null };
    this.#send(error, { ...source, operator, timestamp });
  }

  #send(error: unknown, letter: Omit<DeadLetter, 'reason' | 'message'>): void {
    const reason = errorCode(error) ?? 'MR_PROCESSOR_THREW';
    const message = error instanceof Error ? error.message : String(error);
    this.#count(letter.operator, reason);
    if (this.#policy === 'skip') return;
    if (this.#policy === 'fail') {
      throw new FatalError('MR_RECORD_FAILED', `${letter.operator} failed on ${where(letter)}: ${message}`, {
        hint: 'correct the record or the processor, or choose another policy for record errors',
        cause: error,
      });
    }
    const timestamp = exactTime(letter.timestamp);
    const short = message.slice(0, MESSAGE_CHARACTERS);
    const encode = (value: Buffer | null) =>
      this.#topic.value.encode({ ...letter, value, timestamp, reason, message: short });
    const whole = encode(letter.value);
    // The letter is larger than its record, which may be as large as a record can be.
    const value = whole.length + letter.topic.length <= MAX_RECORD_BYTES ? whole : encode(null);
    const headers = deadLetterHeaders({ ...letter, message: short }, error);
    // With its record's timestamp, the dead letter of a year-old record would expire before anyone has seen it.
    const sentAt = this.#now();
    this.#outbox.add(this.#topic.name, 0, {
      key: Buffer.from(letter.topic),
      value,
      timestamp: sentAt,
      headers,
    });
  }
}

/** A record's time may be any number; a letter's is a whole one that can be written down exactly. */
function exactTime(timestamp: number): number {
  if (!Number.isFinite(timestamp)) return 0;
  return Math.trunc(Math.min(Math.max(timestamp, -LARGEST_TIME_MS), LARGEST_TIME_MS));
}

function where(letter: { topic: string; partition: number; offset: number }): string {
  return `${letter.topic}-${letter.partition} offset ${letter.offset}`;
}
