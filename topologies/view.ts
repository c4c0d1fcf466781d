import { avroSerde, type OnUndecodable, type Topic, type Topology, TopologyBuilder, textKey } from '#engine';
import { type AnyView, isOfUser, versionedName } from '#features';
import type { Log, SchemaRegistry } from '#log';
import { acceptedEvents, keepItemView, keepUserView } from '#processors';
import { avroSchema, topics as catalogue, type Interaction, type ViewState } from '#schemas';
import { type FinishedRows, publishFinishedRows } from './finished-rows.ts';
import type { Topics } from './topics.ts';

/**
 * The topic of a view that is not one of the catalogue's, made where it is missing; `onUndecodable` as for openTopics. Errors: MR_LOG_TOPIC_MISMATCH,
 * MR_SCHEMA_INCOMPATIBLE.
 */
export async function openViewTopic(
  log: Log,
  registry: SchemaRegistry,
  view: AnyView,
  onUndecodable?: OnUndecodable,
): Promise<Topic<string, ViewState>> {
  const { partitions, cleanup } = catalogue['user-features-2'];
  const topic = { name: versionedName(view), partitions, cleanup };
  await log.createTopics([topic]);
  const value = await avroSerde<ViewState>(registry, `${topic.name}-value`, avroSchema('ViewState'));
  return { ...topic, key: textKey, value, ...(onUndecodable && { onUndecodable }) };
}

/** A view with the topic of its rows. */
export type OpenedView = { readonly view: AnyView; readonly topic: Topic<string, ViewState> };

/** Where the accepted events that have left the log come back to for a new view, cut as on the log. */
export function archivedEventsTopic(view: AnyView, topics: Topics): Topic<string, Interaction> {
  const accepted = topics['interactions-accepted'];
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  return { ...accepted, name: `view-${versionedName(view)}-archived`, cleanup };
}

/**
 * One view by itself, from the beginning of the accepted events, those of the archive first: how a new view or a new
 * version of one is built beside those that are live. `rows`: where they are published for consumers outside.
 */
export async function viewTopology(
  view: AnyView,
  topic: Topic<string, ViewState>,
  topics: Topics,
  rows?: FinishedRows,
): Promise<Topology> {
  const builder = new TopologyBuilder({ name: `view-${view.name}`, generation: view.version });
  // Declared before the events: a decision counts before those of the same time.
  const decisions = isOfUser(view) ? builder.table(topics['privacy-decisions']).toStream() : undefined;
  const archived = builder.source(archivedEventsTopic(view, topics), { watermark: 'carried' });
  const accepted = topics['interactions-accepted'];
  const value = acceptedEvents(accepted.value);
  const events = builder
    .source(decisions === undefined ? accepted : { ...accepted, value }, { watermark: 'carried' })
    .merge(archived)
    .filter((event) => view.filter(event));
  if (decisions === undefined) {
    const byItem = events.keyBy('events-by-key', (event) => view.key(event), { value });
    builder.process(view.name, keepItemView(view, topic), { events: byItem });
  } else {
    builder.process(view.name, keepUserView(view, topic, topics['privacy-decisions']), { events, decisions });
  }
  if (rows !== undefined) publishFinishedRows(builder, view, topic, rows);
  return builder.build();
}
