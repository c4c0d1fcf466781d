import { InputError, type MillraceError, RetryableError } from '#platform';
import { invalidRecord } from '../../errors.ts';
import { BrokerError, codeName, isPassing } from '../wire/kafka-errors.ts';
import type { ProduceAnswer } from './produce-request.ts';

/**
 * What a leader's answer means for a batch.
 *
 *     appended       it is in the log
 *     again          it isn't, or its replicas are not known to have it: the same batch once more, by and by
 *     moved          the same, with the partition's leader looked up first
 *     unknown-topic  the same for a moment, while a new topic or leader gets about; then the topic is gone
 *     gap            the leader expected another sequence number: what is in the log must be found out
 *     refused        these records will never be taken
 *     failed         nothing that the sender could mend: the producer is fenced, or may not write here
 */
export type Outcome = 'appended' | 'again' | 'moved' | 'unknown-topic' | 'gap' | 'refused' | 'failed';

const outcomes: Readonly<Record<string, Outcome>> = {
  NONE: 'appended',
  // The leader remembers the batch, if not where it is.
  DUPLICATE_SEQUENCE_NUMBER: 'appended',
  UNKNOWN_TOPIC_OR_PARTITION: 'unknown-topic',
  UNKNOWN_TOPIC_ID: 'unknown-topic',
  OUT_OF_ORDER_SEQUENCE_NUMBER: 'gap',
  UNKNOWN_PRODUCER_ID: 'gap',
  MESSAGE_TOO_LARGE: 'refused',
  RECORD_LIST_TOO_LARGE: 'refused',
  INVALID_TIMESTAMP: 'refused',
  INVALID_RECORD: 'refused',
  NOT_LEADER_OR_FOLLOWER: 'moved',
  LEADER_NOT_AVAILABLE: 'moved',
  REPLICA_NOT_AVAILABLE: 'moved',
  FENCED_LEADER_EPOCH: 'moved',
  UNKNOWN_LEADER_EPOCH: 'moved',
  KAFKA_STORAGE_ERROR: 'moved',
  NETWORK_EXCEPTION: 'moved',
};

export function outcomeOf(code: number): Outcome {
  const name = codeName(code);
  return outcomes[name] ?? (isPassing(new BrokerError(code, '')) ? 'again' : 'failed');
}

/** Whether a prerequisite lookup got no answer beyond transient failures: the brokers are unavailable for longer. */
export const isAway = (error: unknown) => error instanceof RetryableError;

/** Whether a refusal is about the size of the batch, so that a part of it may be accepted. */
export const isTooLarge = (code: number) => /_TOO_LARGE$/.test(codeName(code));

/** The error for records that no retry gets accepted: MR_RECORD_TOO_LARGE, MR_LOG_INVALID_RECORD. */
export function refusal({ topic, partition, code, message }: ProduceAnswer): MillraceError {
  const why = message === null || message === '' ? codeName(code) : `${codeName(code)}, ${message}`;
  if (!isTooLarge(code)) return invalidRecord(`Kafka refuses a record for ${topic}/${partition}: ${why}`);
  return new InputError(
    'MR_RECORD_TOO_LARGE',
    `a record is larger than topic ${topic} accepts (partition ${partition}): ${why}`,
    { hint: "split the value, or raise the topic's max.message.bytes" },
  );
}

/** Time ran out for a batch that may be in the log or not. */
export const outcomeUnknown = (topic: string, partition: number, cause: unknown) =>
  new RetryableError(
    'MR_LOG_UNAVAILABLE',
    `${topic}/${partition} did not acknowledge an append in time (${reasonOf(cause)})`,
    {
      hint: 'check that the brokers run; the records may have been written: a retry may write them twice',
      cause,
    },
  );

/** Time ran out for a batch that was never sent, or was refused each time. */
export const notAppended = (topic: string, partition: number, cause: unknown) =>
  new RetryableError('MR_LOG_UNAVAILABLE', `${topic}/${partition} takes nothing (${reasonOf(cause)})`, {
    hint: 'check that the brokers run; nothing was written: retry',
    cause,
  });

const reasonOf = (cause: unknown) => (cause instanceof Error ? cause.message : 'no answer');
