/**
 * The offline store: what the log has carried, as Parquet files that DuckDB reads.
 *
 * It promises that a file counts from the moment when its manifest event is durable and not before, that every archived
 * record is in exactly one file that counts, and that a file which is not the one that was written is refused by its hash.
 * The history of a view is folded from the archived events by the view's own functions, so that a row as of a time is the
 * one that the live view would have given. A snapshot of equal offsets has equal bytes, and its id is their hash. DuckDB stays
 * behind this door; when snapshots are taken, and what is trained on them, is left to the trainer.
 */
export { archiveNow, runArchive } from './archive.ts';
export type { ArchiveOptions } from './archive-loop.ts';
export { ARCHIVE_GROUP, type ArchiveProgress } from './archive-progress.ts';
export { type ArchivedTableName, type ArchivedTopic, archivedTables } from './archived-tables.ts';
export {
  type AnalyticDatabase,
  collectColumns,
  literal,
  type QueryResult,
  withDuckDb,
  withScratchDuckDb,
} from './duckdb.ts';
export { type OfflineErasureOptions, offlineEraseTarget } from './erasure.ts';
export { type ParquetRows, withParquetRows } from './parquet-rows.ts';
export { type OfflineSource, OfflineStore, openOffline, type PartitionStretch } from './reading.ts';
export { type ArchiveRepair, repairArchive } from './repair.ts';
export { type NumberDistribution, stabilityIndex } from './snapshot/distribution.ts';
export { holdsErasedUser, rowsOfUser, withdrawnSnapshot } from './snapshot/erased-since.ts';
export { exampleModules } from './snapshot/module-features.ts';
export type { NegativeOptions } from './snapshot/negatives.ts';
export {
  readRegistry,
  readSnapshots,
  readVersions,
  removableSnapshots,
  removeSnapshots,
  snapshotStatistics,
} from './snapshot/published.ts';
export { defaultLimits, type QualityLimits } from './snapshot/quality.ts';
export { type SnapshotOptions, takeSnapshot } from './snapshot/snapshot.ts';
export { defaultSplit, type SplitOptions } from './snapshot/split.ts';
export type { ColumnStatistics } from './snapshot/statistics.ts';
export { type WaitingOptions, waitingExamples } from './snapshot/waiting.ts';
export { createHistoryView } from './sql/history-view.ts';
export { type QueryOptions, queryOffline } from './sql/query.ts';
export { registerRowFunction } from './sql/row-function.ts';
