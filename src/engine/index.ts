/**
 * The stream engine: topologies of typed operators over the log, with state in a database a task, exactly once.
 *
 * It promises that outputs, changelogs and input offsets become visible together or not at all; that how the
 * input is cut into batches makes no difference to what comes out; that a store can be rebuilt from its changelog
 * and proven equal by its digest. It knows nothing of the domain, of which log it runs on, or of the wall clock
 * beyond the Clock it is given. The tools for tests have a door of their own (`#engine/testing`).
 */
export { type ActivePlace, asActiveMember, type MemberRole } from './active-member.ts';
export { avroSerde } from './avro-serde.ts';
export { DEAD_LETTER_HEADERS, deadLetterHeaders } from './dead-letter-headers.ts';
export { type DeadLetter, deadLetterOf, deadLetterSchema, deadLetterTopic } from './dead-letter-topic.ts';
export type { OperatorCounts } from './operators/operator-flow.ts';
export type { FlowRecord } from './operators/record.ts';
export { localTasks } from './queries/local-tasks.ts';
export { isPeerToken, signPeerRequest, verifyPeerRequest } from './queries/peer-signature.ts';
export { type HttpPeersOptions, httpPeers, type Peers, type TaskRead } from './queries/peers.ts';
export type { Position } from './queries/position.ts';
export type { QueryOptions, StoreQuery } from './queries/query.ts';
export { type StoreAnswers, servePeers, serveQueries } from './queries/routes.ts';
export type { Rows } from './queries/rows.ts';
export {
  type LocalTasks,
  type StoreAnswer,
  type StoreEntry,
  StoreQueries,
  type StoreQueriesOptions,
  type StoreSummary,
} from './queries/store-queries.ts';
export {
  adaptSerde,
  decodeLoading,
  type KeySerde,
  type OnUndecodable,
  type Serde,
  type SerdeFormat,
  type Topic,
  textKey,
  type UndecodableRecord,
} from './serde.ts';
export { Digest, entryHash } from './store/digest.ts';
export type { KeyValueStore, Read } from './store/key-value-store.ts';
export { memoryDatabases } from './store/memory/memory-database.ts';
export type {
  Change,
  Database,
  DatabaseProvider,
  DatabaseReads,
  DatabaseSnapshot,
  KeyRange,
  WriteManner,
} from './store/port.ts';
export { rocksDatabases } from './store/rocksdb/rocksdb-database.ts';
export {
  type Session,
  type SessionStore,
  sessionRow,
  sessionStore,
  sessionStoreSpec,
  sessionsOf,
} from './store/session-store.ts';
export {
  type WindowStore,
  windowRow,
  windowRows,
  windowStore,
  windowStoreSpec,
  windowsOf,
} from './store/window-store.ts';
export type { Address, TaskOwners } from './task/assignment/assignment.ts';
export { type CarryOverOptions, type CarryOverPlan, carryOver, planCarryOver } from './task/carry-over.ts';
export type { Guarantee } from './task/commit/commit.ts';
export { groupOfJournal, isJournalTopic, journalTopic } from './task/commit/journal.ts';
export {
  journalValueWithoutOffsets,
  type MovedOffsets,
  movedJournalValue,
} from './task/commit/moved-journal.ts';
export { portableHeaders } from './task/commit/position.ts';
export type { RecordErrorPolicy } from './task/dead-letters.ts';
export { acceptedGenerations } from './task/earlier-generations.ts';
export { TASK_FAILPOINTS } from './task/failpoints.ts';
export { tombstonesTrustedMs } from './task/restore/open-store.ts';
export type { RestoreStatus } from './task/restore/restore-progress.ts';
export { StreamsRuntime } from './task/runtime.ts';
export type { RuntimeOptions } from './task/runtime-options.ts';
export type { InputStatus, RuntimeStatus, TaskStatus } from './task/status/status.ts';
export { type EngineReport, reportOf, StatusGauges } from './task/status/status.ts';
export type { DeclareThread, ThreadContext, ThreadRuntime } from './task/threads/declaration.ts';
export { runOnThreads, type StreamThreads, type ThreadsOptions } from './task/threads/run-on-threads.ts';
export { isWatermarkHeader, watermarkHeader } from './time/watermark.ts';
export {
  type CurrentRecord,
  currentRecords,
  readableRecords,
  TopicReader,
  type TopicReaderOptions,
  type TopicRecord,
} from './topic-reader.ts';
export { type OutgoingRecord, TopicWriter, writeRecords } from './topic-writer.ts';
export type { AggregateOptions } from './topology/aggregate.ts';
export { type KeyByOptions, type SourceOptions, TopologyBuilder } from './topology/builder.ts';
export {
  describeTopology,
  type NodeDescription,
  type StoreDescription,
  type SubTopologyDescription,
  type TopologyDescription,
} from './topology/describe.ts';
export { topologyMermaid } from './topology/describe-mermaid.ts';
export { topologyText } from './topology/describe-text.ts';
export { resetTopology } from './topology/generations/acceptance.ts';
export type { Migrations } from './topology/generations/plan.ts';
export { planReset, planStart, type StartPlan, type StoreFate } from './topology/generations/start-plan.ts';
export type { ForeignKeyOf } from './topology/joins/foreign-key.ts';
export type { GlobalKeyOf, GlobalTable } from './topology/joins/global-table.ts';
export type { JoinWindow, StreamJoinOptions } from './topology/joins/stream-stream.ts';
export type { Joiner, StreamTableJoinOptions } from './topology/joins/stream-table.ts';
export type { WatermarkPolicy } from './topology/node.ts';
export {
  defineProcessor,
  type Port,
  type ProcessorContext,
  type ProcessorSpec,
  port,
  type StoreSpec,
} from './topology/processor.ts';
export { type Shadow, type ShadowOptions, shadowOf } from './topology/shadow.ts';
export type { Emission, SinkOptions, Stream } from './topology/stream.ts';
export type { Table } from './topology/table.ts';
export type { GroupOf } from './topology/tables/group.ts';
export type {
  GroupedTable,
  GroupOptions,
  TableAggregateOptions,
} from './topology/tables/grouped-table.ts';
export type { StoreDefinition, SubTopology, Topology } from './topology/topology.ts';
export type { SessionMerge, WindowAggregation, WindowEmission } from './topology/windows/aggregation.ts';
export type { SuppressOptions } from './topology/windows/suppress.ts';
export {
  hopping,
  type SessionWindow,
  type SlidingWindow,
  session,
  sliding,
  type TimeWindow,
  tumbling,
  type Window,
} from './topology/windows/window.ts';
export { type Windowed, windowedKey } from './topology/windows/windowed-key.ts';
export type { WindowedAggregateOptions, WindowedStream } from './topology/windows/windowed-stream.ts';
export { type ChangelogOptions, compareWithChangelogs } from './verify/against-changelog.ts';
export { compareCopies, type DiffOptions, type RowDifference, type StoreDifference } from './verify/diff.ts';
export { compareGlobalTable, globalTablesOf } from './verify/global-on-disk.ts';
export { journalOf, placesOf, type TaskPlace } from './verify/journal-reader.ts';
export { checkLocalStores, type LocalStores } from './verify/local-stores.ts';
export {
  batchUntil,
  type ComparisonOptions,
  compareTaskWithRebuild,
  compareWithRebuild,
  type RebuildOptions,
  type RebuildTarget,
  rebuildTask,
  type TaskComparison,
} from './verify/rebuild.ts';
export { restoreTask } from './verify/restore-task.ts';
export type { ScratchOptions, VerifyProgress } from './verify/scratch-task.ts';
export {
  compareSnapshots,
  type SnapshotComparison,
  type StoreDigest,
  type TaskSnapshot,
} from './verify/snapshot.ts';
export { type StoreOnDisk, StoresOnDisk } from './verify/stores-on-disk.ts';
export { type Trace, type TraceOptions, type TraceStep, traceRow } from './verify/trace.ts';
export {
  type Difference,
  type TaskVerification,
  type VerifyOptions,
  verify,
  verifyTask,
} from './verify/verify.ts';
