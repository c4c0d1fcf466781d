import type { Topic } from '#engine';
import { type AnyView, asOfRows, type Entity, featureViews, recordViews, versionedName } from '#features';
import { invariant } from '#platform';
import type { TopicName, ViewState } from '#schemas';
import type { OpenedView, Topics } from '#topologies';

/** A view whose rows answers are made of, and the topic that carries them. */
export type StoredView = {
  /** As its declaration says; of a module's view with the version, because others may have the name, too. */
  readonly name: string;
  readonly entity: Entity;
  readonly topic: Topic<string, unknown>;
  /** Ms after which a row is of no use; null: it always is. */
  readonly ttlMs: number | null;
  /** Written by the engine, and so as well-formed as what the engine itself reads; others may write anything. */
  readonly isFromEngine: boolean;
  /** What a row is: the live state of a feature view, the record of a record view. Errors: those of the topic's serde. */
  decode(row: Buffer): unknown;
};

/** The topic that carries the rows of a view of events. */
export function topicNameOf(view: Pick<AnyView, 'name' | 'version'>): TopicName {
  return versionedName(view) as TopicName;
}

/** All views there are: those of events, those of records, those of modules. */
export function storedViews(topics: Topics, modules: readonly OpenedView[] = []): readonly StoredView[] {
  const topicOf = (name: TopicName): Topic<string, unknown> => {
    invariant(topics[name] !== undefined, 'every view has a topic');
    return topics[name] as unknown as Topic<string, unknown>;
  };
  const ofEvents = featureViews.map((view) => viewOfEvents(view.name, view, topicOf(topicNameOf(view))));
  const ofRecords = recordViews.map(({ name, entity, source }): StoredView => {
    const topic = topicOf(source as TopicName);
    const decode = (row: Buffer) => topic.value.decode(row);
    return { name, entity, topic, ttlMs: null, isFromEngine: false, decode };
  });
  return [...ofEvents, ...ofRecords, ...modules.map(moduleView)];
}

/** The view of a module. */
export function moduleView({ view, topic }: OpenedView): StoredView {
  return viewOfEvents(versionedName(view), view, topic as unknown as Topic<string, unknown>);
}

function viewOfEvents(name: string, view: AnyView, topic: Topic<string, unknown>): StoredView {
  const { entity, ttlMs } = view;
  const rows = asOfRows(view);
  const decode = (row: Buffer) => rows.live(rows.fromViewState(topic.value.decode(row) as ViewState));
  return { name, entity, topic, ttlMs, isFromEngine: true, decode };
}

/** Whether keys of the view are cross keys. */
export function isCrossed({ entity }: Pick<StoredView, 'entity'>): boolean {
  return entity === 'user-category' || entity === 'user-item';
}
