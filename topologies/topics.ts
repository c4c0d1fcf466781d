import { avroSerde, type OnUndecodable, type Topic, textKey } from '#engine';
import type { Log, SchemaRegistry } from '#log';
import { avroSchema, type TopicDefinition, type TopicName, type TopicValue, topics } from '#schemas';

/** Every topic of the catalogue, typed, with its schema registered. */
export type Topics = { readonly [N in TopicName]: Topic<string, TopicValue<N>> };

/** What a module outside of the repository builds its topology from, where its default export is a function. */
export type TopologyContext = {
  /** For `avroSerde`. */
  readonly registry: SchemaRegistry;
  /** The topics of the catalogue, made where they are missing. */
  topics(): Promise<Topics>;
};

/**
 * Creates the catalogue's topics where they are missing, and registers their schemas. `onUndecodable`: for their readers
 * outside of topologies, see Topic. Errors: MR_LOG_TOPIC_MISMATCH, MR_SCHEMA_INCOMPATIBLE.
 */
export async function openTopics(
  log: Log,
  registry: SchemaRegistry,
  onUndecodable?: OnUndecodable,
): Promise<Topics> {
  const definitions: readonly TopicDefinition[] = Object.values(topics);
  await log.createTopics(definitions);
  const opened = await Promise.all(
    definitions.map(async (definition) => {
      return [definition.name, await typed(definition, registry, onUndecodable)] as const;
    }),
  );
  return Object.fromEntries(opened) as unknown as Topics;
}

/** The same for one topic alone, for a process that needs no others. */
export async function openTopic<N extends TopicName>(
  name: N,
  log: Log,
  registry: SchemaRegistry,
  onUndecodable?: OnUndecodable,
): Promise<Topics[N]> {
  const definition: TopicDefinition = topics[name];
  await log.createTopics([definition]);
  return (await typed(definition, registry, onUndecodable)) as unknown as Topics[N];
}

async function typed(
  { name, partitions, cleanup, schema }: TopicDefinition,
  registry: SchemaRegistry,
  onUndecodable: OnUndecodable | undefined,
): Promise<Topic<string, unknown>> {
  const value = await avroSerde(registry, `${name}-value`, avroSchema(schema));
  return { name, partitions, cleanup, key: textKey, value, ...(onUndecodable && { onUndecodable }) };
}
