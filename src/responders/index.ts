/**
 * The responders: what answers "what should this user be shown?", and "what is known of them?". A responder follows the
 * topics of the feature views, of the catalogue and of versions, keeps what it needs in the process, or the rows of users
 * in Redis for many processes, and answers from the version promoted last; the one before it stays loaded, so that a
 * rollback is a swap. A model from outside may rank what that version finds.
 *
 * It promises that an answer's scores are those of the version that it names, that a version is verified and proven
 * before it takes over and that no request fails when it does, that nothing seen or unavailable is recommended, that each
 * answer is logged on topic `answers` or counted as dropped, and that features read are those of a training row of the
 * same moment. Making features and versions is left to others.
 */
export type { Explanation } from './explain/explainer.ts';
export { askFeatures, type ShownFeatures } from './features/feature-routes.ts';
export type { FeatureRow } from './features/online-views.ts';
export { openFeatureReader } from './features/open-features.ts';
export type { Recommendation } from './recommendation.ts';
export type { RecommendedItem } from './recommender.ts';
export {
  type OtherRows,
  openResponder,
  type RecommendOptions,
  type Responder,
  type ResponderOptions,
} from './responder.ts';
export { TopicFollower } from './topic-follower.ts';
export { InProcessViewStore } from './view-store/in-process.ts';
export { itemNumber } from './view-store/item-numbers.ts';
export type { RowKey, ViewStore } from './view-store/port.ts';
export { removeDroppedView } from './view-store/redis/dropped-view.ts';
export { openQuickRedis, type QuickRedis } from './view-store/redis/quick-client.ts';
export type { RedisLocation, ViewsOwner } from './view-store/redis/redis-url.ts';
export { type FoundRow, RedisRowReader, type RowAddress } from './view-store/redis/row-reader.ts';
export { type RowsVerification, verifyRedisRows } from './view-store/redis/verify-rows.ts';
export { RedisViewStore } from './view-store/redis/view-store.ts';
export { RedisViewWriter } from './view-store/redis/view-writer.ts';
