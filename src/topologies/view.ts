import { avroSerde, type Topic, type Topology, TopologyBuilder, textKey } from '#engine';
import type { Log, SchemaRegistry } from '#engine/log';
import type { AnyView } from '#features';
import { keepView } from '#processors';
import { avroSchema, topics as catalogue, type ViewState } from '#schemas';
import type { Topics } from './topics.ts';

/**
 * The topic of a view that is not one of the catalogue's, made where it is missing. Errors: MR_LOG_TOPIC_MISMATCH,
 * MR_SCHEMA_INCOMPATIBLE.
 */
export async function openViewTopic(
  log: Log,
  registry: SchemaRegistry,
  { name, version }: AnyView,
): Promise<Topic<string, ViewState>> {
  const { partitions, cleanup } = catalogue['user-features-2'];
  const topic = { name: `${name}-${version}`, partitions, cleanup };
  await log.createTopics([topic]);
  const value = await avroSerde<ViewState>(registry, `${topic.name}-value`, avroSchema('ViewState'));
  return { ...topic, key: textKey, value };
}

/**
 * One view by itself, from the beginning of the accepted events: how a new view or a new version of one is built
 * beside those that are live.
 */
export async function viewTopology(
  view: AnyView,
  topic: Topic<string, ViewState>,
  topics: Topics,
): Promise<Topology> {
  const builder = new TopologyBuilder({ name: `view-${view.name}`, generation: view.version });
  const events = builder
    .source(topics['interactions-accepted'], { watermark: 'carried' })
    .filter((event) => view.filter(event));
  const byKey =
    view.entity === 'user'
      ? events
      : events.keyBy('events-by-key', (event) => view.key(event), { value: topics.interactions.value });
  builder.process(view.name, keepView(view, topic), { events: byKey });
  return builder.build();
}
