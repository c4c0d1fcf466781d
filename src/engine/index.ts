/**
 * The stream engine: topologies of typed operators over the log, with state in a database a task, exactly once.
 *
 * It promises that outputs, changelogs and input offsets become visible together or not at all; that how the
 * input is cut into batches makes no difference to what comes out; that a store can be rebuilt from its changelog
 * and proven equal by its digest. It knows nothing of the domain, of which log it runs on, or of the wall clock
 * beyond the Clock it is given. The log has a door of its own (`#engine/log`), as have the tools for tests
 * (`#engine/testing`).
 */
export { avroSerde } from './avro-serde.ts';
export type { FlowRecord } from './operators/record.ts';
export { localTasks } from './queries/local-tasks.ts';
export { httpPeers, type Peers } from './queries/peers.ts';
export type { Position } from './queries/position.ts';
export type { QueryOptions, StoreQuery } from './queries/query.ts';
export { type StoreAnswers, servePeers, serveQueries } from './queries/routes.ts';
export {
  type StoreAnswer,
  StoreQueries,
  type StoreQueriesOptions,
  type StoreSummary,
} from './queries/store-queries.ts';
export { adaptSerde, type KeySerde, type Serde, type Topic, textKey } from './serde.ts';
export { memoryDatabases } from './store/memory/memory-database.ts';
export type { Database, DatabaseProvider } from './store/port.ts';
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
export type { RecordErrorPolicy } from './task/dead-letters.ts';
export { TASK_FAILPOINTS } from './task/failpoints.ts';
export { type EngineReport, reportOf, StatusGauges } from './task/introspection-report.ts';
export { type RuntimeOptions, StreamsRuntime } from './task/runtime.ts';
export type { DeclareThread, ThreadContext, ThreadRuntime } from './task/threads/messages.ts';
export { runOnThreads, type StreamThreads, type ThreadsOptions } from './task/threads/run-on-threads.ts';
export { TopicReader, type TopicReaderOptions, type TopicRecord } from './topic-reader.ts';
export { type OutgoingRecord, TopicWriter } from './topic-writer.ts';
export { TopologyBuilder } from './topology/builder.ts';
export { describeTopology, type TopologyDescription } from './topology/describe.ts';
export { topologyMermaid } from './topology/describe-mermaid.ts';
export { topologyText } from './topology/describe-text.ts';
export type { Migrations } from './topology/generations/plan.ts';
export type { Joiner } from './topology/joins/stream-table.ts';
export { defineProcessor, type ProcessorContext, port } from './topology/processor.ts';
export { type Emission, type SinkOptions, Stream } from './topology/stream.ts';
export { Table } from './topology/table.ts';
export {
  GroupedTable,
  type GroupOptions,
  type TableAggregateOptions,
} from './topology/tables/grouped-table.ts';
export type { Topology } from './topology/topology.ts';
export type { SuppressOptions } from './topology/windows/suppress.ts';
export { hopping, session, sliding, tumbling, type Window } from './topology/windows/window.ts';
export { type Windowed, windowedKey } from './topology/windows/windowed-key.ts';
export type { WindowedAggregateOptions, WindowedStream } from './topology/windows/windowed-stream.ts';
export { placesOf, type TaskPlace } from './verify/journal-reader.ts';
export { checkLocalStores, type LocalStores } from './verify/local-stores.ts';
export {
  type ComparisonOptions,
  compareTaskWithRebuild,
  compareWithRebuild,
  type RebuildOptions,
  rebuildTask,
  type TaskComparison,
} from './verify/rebuild.ts';
export { compareSnapshots, type SnapshotComparison, type TaskSnapshot } from './verify/snapshot.ts';
export {
  type Difference,
  type TaskVerification,
  type VerifyOptions,
  verify,
  verifyTask,
} from './verify/verify.ts';
