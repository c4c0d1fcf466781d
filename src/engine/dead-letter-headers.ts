/** The headers of a dead letter: those of Kafka Streams (KIP-1034), so that tools made for it read ours. */
import type { Header } from '#log';
import { errorCode } from '#platform';
import type { DeadLetter } from './dead-letter-topic.ts';

export const DEAD_LETTER_HEADERS = {
  exception: '__streams.errors.exception',
  stacktrace: '__streams.errors.stacktrace',
  message: '__streams.errors.message',
  topic: '__streams.errors.topic',
  partition: '__streams.errors.partition',
  offset: '__streams.errors.offset',
} as const;

/** What is kept of a stack trace: the frames of our own code come first. */
const STACK_CHARACTERS = 4_000;

/**
 * All values are UTF-8 text. `exception` is the stable code, or the class of an error without one; `stacktrace` is empty where
 * what was thrown has none.
 */
export function deadLetterHeaders(
  { topic, partition, offset, message }: Pick<DeadLetter, 'topic' | 'partition' | 'offset' | 'message'>,
  error: unknown,
): readonly Header[] {
  const values = {
    exception: errorCode(error) ?? (error instanceof Error ? error.name : typeof error),
    stacktrace: error instanceof Error ? (error.stack ?? '').slice(0, STACK_CHARACTERS) : '',
    message,
    topic,
    partition: String(partition),
    offset: String(offset),
  };
  return Object.entries(DEAD_LETTER_HEADERS).map(([name, header]) => [
    header,
    Buffer.from(values[name as keyof typeof values]),
  ]);
}
