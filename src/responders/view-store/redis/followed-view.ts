import { type Topic, tombstonesTrustedMs } from '#engine';
import { isOfUser } from '#features';
import type { Topics } from '#topologies';
import { encodedAndChecked, opaque } from '../encoded-topic.ts';
import { type StoredView, storedViews } from '../stored-views.ts';
import type { Entity } from './keyspace.ts';

const DAY_MS = 86_400_000;
/** Beyond what a reader may still see or a zombie still write. */
const MARGIN_MS = DAY_MS;

/** A topic whose newest rows lie in Redis. */
export type FollowedView = {
  readonly topic: Topic<string, Buffer>;
  /** The entity in whose shards its rows are: rows of crossed entities are beside their user's. */
  readonly entity: Entity;
  /** How long after its last change a row can still be of use, ms; null: for ever. */
  readonly rowTtlMs: number | null;
  /** How long a tombstone keeps an older row from coming back, ms. */
  readonly tombstoneTtlMs: number;
  /** How long a writer may be away and still count on learning of every delete from the topic, ms. */
  readonly deletesTrustedMs: number;
};

/** The views of the product. Those of an entity lie beside each other in its shards, in this order. */
export function followedViews(topics: Topics): readonly FollowedView[] {
  return storedViews(topics).map(followedView);
}

export function followedView(view: StoredView): FollowedView {
  const { topic, ttlMs, isFromEngine } = view;
  const { cleanup } = topic;
  const deletesKeptMs = cleanup.policy === 'compact' ? cleanup.tombstoneRetentionMs : 7 * DAY_MS;
  return {
    // Whether a row of the engine's is damaged is found out by the reader, who decodes it anyway.
    topic: isFromEngine ? opaque(topic) : encodedAndChecked(topic),
    entity: isOfUser(view) ? 'user' : 'item',
    rowTtlMs: ttlMs === null ? null : ttlMs + MARGIN_MS,
    tombstoneTtlMs: deletesKeptMs + MARGIN_MS,
    deletesTrustedMs: tombstonesTrustedMs(cleanup),
  };
}

export function viewsOf(views: readonly FollowedView[], entity: Entity): readonly FollowedView[] {
  return views.filter((view) => view.entity === entity);
}

/** How many offsets the marks of an entity's shards have. */
export function offsetCount(views: readonly FollowedView[], entity: Entity): number {
  return viewsOf(views, entity).reduce((sum, { topic }) => sum + topic.partitions, 0);
}
