import { avroSchema, type DeadLetter, topics } from '#schemas';
import { avroSerde } from './avro-serde.ts';
import type { SchemaRegistry } from './log/registry.ts';
import { type Topic, textKey } from './serde.ts';

/**
 * Where a runtime sends the records that it can't process, its schema registered; the topic is yet to be created. Errors:
 * those of avroSerde.
 */
export async function deadLetterTopic(registry: SchemaRegistry): Promise<Topic<string, DeadLetter>> {
  const topic = topics['dead-letters'];
  const value = await avroSerde<DeadLetter>(registry, `${topic.name}-value`, avroSchema('DeadLetter'));
  return { ...topic, key: textKey, value };
}
