/**
 * The feature views of an installation: which versions exist and what each has come to, the building of a module's
 * view from the log and the archive beside the live ones, and what can be told about a view: where its rows come from, its
 * statistics, the history of an entity.
 *
 * It promises that a build resumes where it was cut off and that a view is called live only when its rows are as the log
 * has them. How a view is declared is left to `#features`, how a topology runs to `#processing`.
 */
export { bringArchivedEvents } from './archived-events.ts';
export { type EntityHistory, entityHistory, type HistoryStep } from './entity-history.ts';
export { type FeatureLineage, featureLineage } from './lineage.ts';
export { buildProgress, declareViews, dropVersion, readViewVersions, viewGroup } from './registry.ts';
export { startViewBuild } from './view-builds.ts';
export { topicStatistics, type ViewStatistics, viewStatistics } from './view-statistics.ts';
