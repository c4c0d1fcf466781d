/**
 * The versions of an installation as people and programs handle them: listing them from topic `versions`, asking the
 * task that decides (over the log, or the admin routes), publishing a model from outside, collecting old ones.
 *
 * It promises that nothing here decides: every change is a command, and its answer is the deciding task's
 * (`#processors`). Training versions is left to `#trainer`, serving them to `#responders`.
 */
export { registerVersionRoutes } from './admin-routes.ts';
export { type AskingOptions, askRegistry, versionNamed } from './ask-registry.ts';
export { type Collectable, collect, collectable, collectOld } from './collect.ts';
export { listedVersion } from './listed-version.ts';
export { type OutsideJudgement, publishCandidate, storeExternalModel } from './publish.ts';
export { type Quality, QualityMonitor } from './quality/quality.ts';
export { QualityRows } from './quality/quality-rows.ts';
export {
  type AnswerQuality,
  type ItemCounts,
  itemCounts,
  type QualityReport,
  qualityReport,
} from './quality/report.ts';
