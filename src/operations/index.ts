/**
 * Running the processors of an installation, and the upkeep of its log: the loop topology in a worker thread of its
 * own, so that whoever serves HTTP in the same process is not held up, the schedule that cleans the log, the way from one
 * log to another, the places where a user is erased, and the registry of versions: asking it, publishing models from
 * outside, collecting old versions, and telling others what becomes of versions.
 *
 * It promises that the worker is stopped by a message and never cut off, that a failure in it arrives here as an
 * error, that "caught up" means processed and committed through every stage, and that a copied log is compared record by
 * record. What the processors do stands in
 * processors/, how they run in engine/.
 */
export {
  type CarryOverEnvironment,
  carryOverEarlier,
  earlierGeneration,
  removeEarlierStores,
} from './carry-over.ts';
export { CATCH_UP_COMMIT_INTERVAL_MS } from './catch-up.ts';
export { type CleaningOptions, cleanPeriodically } from './cleaning.ts';
export type { CopiedPartition, CopyProgress } from './copy/copy-options.ts';
export { copyTopics, isEqual } from './copy/copy-topics.ts';
export { declaredLoop } from './declared-topology.ts';
export { DeferredProcessing } from './deferred-processing.ts';
export {
  erasureTargets,
  type RemainingTopic,
  remainingTopics,
} from './erasure/erasure-targets.ts';
export { committedBy } from './erasure/processed.ts';
export { rowsInViews } from './erasure/user-rows.ts';
export { bringArchivedEvents } from './features/archived-events.ts';
export { entityHistory, type HistoryStep } from './features/entity-history.ts';
export { type FeatureLineage, featureLineage } from './features/lineage.ts';
export {
  buildProgress,
  declareViews,
  dropVersion,
  readViewVersions,
} from './features/registry.ts';
export { startViewBuild, type ViewBuild } from './features/view-builds.ts';
export { openViewsOfModules, viewsOfModules } from './features/view-modules.ts';
export { topicStatistics, type ViewStatistics, viewStatistics } from './features/view-statistics.ts';
export { Intake, type IntakeOptions } from './intake.ts';
export { GROUPS, loopLag, processedInteractions, type TopicLag } from './lag.ts';
export type { ProcessingProgress } from './messages.ts';
export { NOTIFICATIONS_GROUP, type NotifierOptions, notify } from './notifications/notifier.ts';
export { type Processing, type ProcessingOptions, startProcessing } from './processing.ts';
export { stateDirectoryOf } from './state-directory.ts';
export { type AdminOptions, registerAdminRoutes } from './versions/admin-routes.ts';
export { type AskingOptions, askRegistry, type RegistryRequest } from './versions/ask-registry.ts';
export { type Collectable, type CollectRule, collect, collectable } from './versions/collect.ts';
export { type CollectingOptions, collectPeriodically } from './versions/collecting.ts';
export { publishCandidate, type StoredModel, storeExternalModel } from './versions/publish.ts';
export {
  isInForce,
  type RegisteredVersion,
  type RegistryView,
  readRegistry,
  versionNamed,
} from './versions/registry.ts';
