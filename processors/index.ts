/**
 * The domain's stateful steps, one a file: admission of events, the feature views with the examples that they give rise
 * to, the ranks of items, the labels of examples, and the decisions over versions. Each says what it reads, keeps and
 * emits, and nothing of where its records come from: wiring is the topologies' business, recovery and exactness the
 * engine's.
 */
export { acceptedEvents } from './accepted-events.ts';
export { type AdmissionOptions, admission } from './admission.ts';
export { answerQuality, QUALITY_HOUR_MS } from './answer-quality.ts';
export { type EnrichmentOptions, ofKnownUser, type UnknownPolicy, withItemFacts } from './enrichment.ts';
export { type ExampleWeights, exampleRequests, labelledExamples } from './example-parts.ts';
export type { GateOptions, PromotionMode } from './gates.ts';
export { emptySketch, itemsInSketch, mergeSketches, withItems } from './item-sketch.ts';
export { itemViews } from './item-views.ts';
export { labelsOf, outcomeOf, startsExample } from './labels.ts';
export { type OutcomeOptions, outcomes } from './outcomes.ts';
export { popularityRanks } from './popularity-ranks.ts';
export { decodeRanks, type PublishedRanks, RANK_TTL_MS } from './rank-changes.ts';
export { inSegments, segmentPopularity, segmentVisits } from './segment-popularity.ts';
export { userViews } from './user-views.ts';
export { invalidReason } from './validity.ts';
export { countValue, mergeValues, noValues, valueBucket, valueInBucket } from './value-counts.ts';
export {
  isInForce,
  promotionsAfter,
  type RegisteredVersion,
  type RegistryView,
  registryOf,
  versionInForce,
} from './version-registry.ts';
export { isDecision, versions } from './versions.ts';
export { keepItemView, keepUserView } from './view.ts';
export type { ViewTopic } from './view-rows.ts';
export { labelledByNow, type WaitingExample } from './waiting-examples.ts';
