/**
 * Running the processors of an installation: the loop topology, the view of a module, or a topology of the user's own, in
 * worker threads of their own, so that whoever serves HTTP in the same process is not held up; how far they have come, and the
 * views that modules declare.
 *
 * It promises that a worker is stopped by a message and never cut off, that a failure in it arrives here as an
 * error, and that "caught up" means processed and committed through every stage. What the processors do stands in
 * processors/, how they run in `#engine`.
 */
export {
  type CarryOverEnvironment,
  carryOverEarlier,
  earlierGeneration,
  removeEarlierStores,
} from './carry-over.ts';
export { declaredLoop, declaredTopology, type Runs } from './declared-topology.ts';
export { DeferredProcessing } from './deferred-processing.ts';
export { type GroupLag, groupLags, type PartitionLag } from './group-lags.ts';
export { GROUPS, LOOP_GROUP, loopLag, processedInteractions, type TopicLag } from './lag.ts';
export { type ListedTopic, listedTopics } from './listed-topics.ts';
export { openTopologyOfModule } from './own-topology.ts';
export {
  type Processing,
  type ProcessingOptions,
  type ProcessingProgress,
  startProcessing,
} from './processing.ts';
export { CATCH_UP_COMMIT_INTERVAL_MS } from './processing-worker.ts';
export { type ShadowRun, shadowDeadLetters } from './shadow-run.ts';
export { stateDirectoryOf } from './state-directory.ts';
export { openViewsOfModules, viewsOfModules } from './view-modules.ts';
