/**
 * features: what is known of a user, of an item and of both together at a time, declared once for the live view, for
 * training rows, for SQL and for replay. It promises that a view's state is a function of the set of events alone, byte
 * for byte (commutative aggregations over exact state in a canonical encoding), that `finish(state, now)` is the only way
 * from a state to a feature row, and that a row as of t knows the events strictly before t and no other. It does no input
 * or output and reads no clock: reading events, keeping rows and deciding what is late is left to processors and the
 * engine.
 */
export { type Aggregation, type Timestamped, where } from './aggregation.ts';
export { countBy } from './aggregations/counts.ts';
export { decayedSum } from './aggregations/decayed-sum.ts';
export { distinct } from './aggregations/distinct.ts';
export { max, min } from './aggregations/extremes.ts';
export { histogram, histogramOf, hourHistogram, weekdayHistogram } from './aggregations/histogram.ts';
export { lastNumber, lastText } from './aggregations/last.ts';
export { newest } from './aggregations/newest.ts';
export { bucketOf, midpointOf, quantile } from './aggregations/quantile.ts';
export { RankHistogram } from './aggregations/rank-histogram.ts';
export { rate, smoothedRate } from './aggregations/rate.ts';
export { recentDistinct } from './aggregations/recent-distinct.ts';
export { recentList } from './aggregations/recent-list.ts';
export { session } from './aggregations/session.ts';
export { addCount, ascending, mergeCounts } from './aggregations/sorted-counts.ts';
export { mean, sum } from './aggregations/sums.ts';
export { topK } from './aggregations/top-k.ts';
export { windowed } from './aggregations/windowed.ts';
export { type AsOfRow, type AsOfRows, asOfRows } from './as-of.ts';
export { SOURCE_SHARES, trend } from './candidate-sources.ts';
export { featureViews, recordViews } from './catalogue.ts';
export { contextFeatures } from './context.ts';
export { CanonicalReader, CanonicalWriter } from './encoding.ts';
export { type ItemInteraction, interactionWeight, isPositive, isSeen } from './interest.ts';
export { crossKey, crossKeysOf, isKeyOfUser, splitCrossKey, userOfKey } from './keys.ts';
export type { LastingRow, MovingFeature } from './lasting-row.ts';
export { type InputFeature, modelFeatures } from './model-inputs.ts';
export { isOfUser, versionedName } from './names.ts';
export type { RecordView } from './record-view.ts';
export { type FeatureColumn, type FeatureKind, rowRecordName, rowSchema } from './row.ts';
export { cohortSegment, countrySegment } from './segments.ts';
export { type FeatureTtls, withTtls } from './ttls.ts';
export { type AnyView, defineView, type Entity, type FeatureReading, type FeatureView } from './view.ts';
export {
  type ItemState,
  itemFeaturesView,
  POPULARITY_HALF_LIFE_MS,
  popularityBucket,
} from './views/item-features.ts';
export { itemProfileView } from './views/item-profile.ts';
export { categoryOf, userCategoryFeaturesView } from './views/user-category-features.ts';
export { seenItems, type UserState, userFeaturesView } from './views/user-features.ts';
export { userItemFeaturesView } from './views/user-item-features.ts';
export { userProfileView } from './views/user-profile.ts';
export { worldNow } from './world-clock.ts';
