import type { SchemaRegistry } from '#log';
import type { MillraceError } from '#platform';
import { avroSerde } from './avro-serde.ts';
import { type Topic, textKey } from './serde.ts';
import type { TopicRecord } from './topic-reader.ts';

/** A record that could not be processed: where it came from, why it failed, and its bytes. */
export type DeadLetter = {
  topic: string;
  partition: number;
  offset: number;
  operator: string;
  /** Stable code. */
  reason: string;
  message: string;
  /** The record's timestamp. */
  timestamp: number;
  key: Buffer | null;
  value: Buffer | null;
};

const nullableBytes = { type: ['null', 'bytes'], default: null };

/** The Avro schema of a DeadLetter. */
export const deadLetterSchema = {
  type: 'record',
  name: 'DeadLetter',
  namespace: 'millrace',
  doc: 'A record that could not be processed. Topic `dead-letters`.',
  fields: [
    { name: 'topic', type: 'string' },
    { name: 'partition', type: 'int' },
    { name: 'offset', type: 'long' },
    { name: 'operator', type: 'string' },
    { name: 'reason', type: 'string', doc: 'Stable code.' },
    { name: 'message', type: 'string' },
    { name: 'timestamp', type: 'long', doc: "The record's timestamp." },
    { name: 'key', ...nullableBytes },
    { name: 'value', ...nullableBytes },
  ],
};

/** The dead letter for a record that a service has read and can't act on. */
export function deadLetterOf<V>(
  { name, value: serde }: Topic<string, V>,
  { partition, offset, key, value, timestamp }: TopicRecord<string, V>,
  operator: string,
  { code: reason, message }: MillraceError,
): DeadLetter {
  const bytes = value === null ? null : serde.encode(value);
  const why = { operator, reason, message };
  return { topic: name, partition, offset, timestamp, key: Buffer.from(key), value: bytes, ...why };
}

const DAY_MS = 86_400_000;

/**
 * Topic `dead-letters`, to which a runtime sends the records that it can't process, with its schema registered; the caller
 * creates the topic. Errors: those of avroSerde.
 */
export async function deadLetterTopic(registry: SchemaRegistry): Promise<Topic<string, DeadLetter>> {
  const name = 'dead-letters';
  const value = await avroSerde<DeadLetter>(registry, `${name}-value`, deadLetterSchema);
  return {
    name,
    partitions: 1,
    cleanup: { policy: 'delete', retentionMs: 30 * DAY_MS },
    key: textKey,
    value,
  };
}
