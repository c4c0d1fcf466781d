import type { Topic } from '#engine';
import { type AnyView, asOfRows, type Entity, featureViews, recordViews } from '#features';
import { invariant } from '#platform';
import { viewTopicName } from '#processors';
import type { TopicName, ViewState } from '#schemas';
import type { Topics } from '#topologies';

/** A view whose rows answers are made of, and the topic that carries them. */
export type StoredView = {
  /** As its declaration says. */
  readonly name: string;
  readonly entity: Entity;
  readonly topic: Topic<string, unknown>;
  /** Ms after which a row is of no use; null: it always is. */
  readonly ttlMs: number | null;
  /** Of the engine's making, and so as well-formed as what the engine itself reads; others may write anything. */
  readonly isFromEngine: boolean;
  /** What a row is: the live state of a feature view, the record of a record view. Errors: those of the topic's serde. */
  decode(row: Buffer): unknown;
};

/** The topic that carries the rows of a view of events. */
export function topicNameOf(view: Pick<AnyView, 'name' | 'version'>): TopicName {
  return viewTopicName(view) as TopicName;
}

/** All views there are, those of events before those of records. */
export function storedViews(topics: Topics): readonly StoredView[] {
  const topicOf = (name: TopicName): Topic<string, unknown> => {
    invariant(topics[name] !== undefined, 'every view has a topic');
    return topics[name] as unknown as Topic<string, unknown>;
  };
  const ofEvents = featureViews.map((view): StoredView => {
    const { name, entity, ttlMs } = view;
    const topic = topicOf(topicNameOf(view));
    const rows = asOfRows(view);
    const decode = (row: Buffer) => rows.live(rows.fromViewState(topic.value.decode(row) as ViewState));
    return { name, entity, topic, ttlMs, isFromEngine: true, decode };
  });
  const ofRecords = recordViews.map(({ name, entity, source }): StoredView => {
    const topic = topicOf(source as TopicName);
    const decode = (row: Buffer) => topic.value.decode(row);
    return { name, entity, topic, ttlMs: null, isFromEngine: false, decode };
  });
  return [...ofEvents, ...ofRecords];
}

/** Whether every key of the view begins with a user. */
export function isOfUser({ entity }: Pick<StoredView, 'entity'>): boolean {
  return entity !== 'item';
}

/** Whether keys of the view are cross keys. */
export function isCrossed({ entity }: Pick<StoredView, 'entity'>): boolean {
  return entity === 'user-category' || entity === 'user-item';
}
