import type { Topic } from '#engine';
import { itemFeaturesView, userFeaturesView } from '#features';
import { encodedAndChecked, opaque } from '../encoded-topic.ts';
import type { ViewTopics } from '../row-decoder.ts';
import type { Entity } from './keyspace.ts';

const DAY_MS = 86_400_000;
/** Beyond what a reader may still see or a zombie still write. */
const MARGIN_MS = DAY_MS;

/** A topic whose newest rows lie in Redis. */
export type FollowedView = {
  readonly topic: Topic<string, Buffer>;
  readonly entity: Entity;
  /** How long after its last change a row can still be of use, ms; null: for ever. */
  readonly rowTtlMs: number | null;
  /** How long a tombstone keeps an older row from coming back, ms. */
  readonly tombstoneTtlMs: number;
  /** How long a writer may be away and still learn of every delete from the topic, ms; null: any time. */
  readonly deletesKeptMs: number | null;
};

/** Those of an entity lie beside each other in its shards, in this order. */
export function followedViews(topics: ViewTopics): readonly FollowedView[] {
  const view = (topic: Topic<string, Buffer>, entity: Entity, ttlMs: number | null): FollowedView => {
    const deletesKeptMs = topic.cleanup.policy === 'compact' ? topic.cleanup.tombstoneRetentionMs : null;
    return {
      topic,
      entity,
      rowTtlMs: ttlMs === null ? null : ttlMs + MARGIN_MS,
      tombstoneTtlMs: (deletesKeptMs ?? 7 * DAY_MS) + MARGIN_MS,
      deletesKeptMs,
    };
  };
  return [
    // Written by the engine: whether a row is damaged is found out by the reader, who decodes it anyway.
    view(opaque(topics['user-features-1']), 'user', userFeaturesView.ttlMs),
    view(encodedAndChecked(topics.users), 'user', null),
    view(opaque(topics['item-features-1']), 'item', itemFeaturesView.ttlMs),
    view(encodedAndChecked(topics.items), 'item', null),
  ];
}

export function viewsOf(views: readonly FollowedView[], entity: Entity): readonly FollowedView[] {
  return views.filter((view) => view.entity === entity);
}

/** How many offsets the marks of an entity's shards have. */
export function offsetCount(views: readonly FollowedView[], entity: Entity): number {
  return viewsOf(views, entity).reduce((sum, { topic }) => sum + topic.partitions, 0);
}
