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
export { declaredLoop } from './declared-topology.ts';
export { DeferredProcessing } from './deferred-processing.ts';
export { GROUPS, loopLag, processedInteractions, type TopicLag } from './lag.ts';
export type { ProcessingProgress } from './messages.ts';
export { type Processing, type ProcessingOptions, startProcessing } from './processing.ts';
export { stateDirectoryOf } from './state-directory.ts';
export { openViewsOfModules, viewsOfModules } from './view-modules.ts';
