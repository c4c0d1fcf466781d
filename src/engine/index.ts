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
export { adaptSerde, type KeySerde, type Serde, type Topic, textKey } from './serde.ts';
export { memoryDatabases } from './store/memory/memory-database.ts';
export type { Database, DatabaseProvider } from './store/port.ts';
export { rocksDatabases } from './store/rocksdb/rocksdb-database.ts';
export type { RecordErrorPolicy } from './task/dead-letters.ts';
export { TASK_FAILPOINTS } from './task/failpoints.ts';
export { type RuntimeOptions, StreamsRuntime } from './task/runtime.ts';
export { TopicReader, type TopicReaderOptions, type TopicRecord } from './topic-reader.ts';
export { type OutgoingRecord, TopicWriter } from './topic-writer.ts';
export { TopologyBuilder } from './topology/builder.ts';
export { describeTopology, type TopologyDescription } from './topology/describe.ts';
export { topologyMermaid } from './topology/describe-mermaid.ts';
export { topologyText } from './topology/describe-text.ts';
export type { Joiner } from './topology/join.ts';
export { defineProcessor, type ProcessorContext, port } from './topology/processor.ts';
export { type Emission, type SinkOptions, Stream } from './topology/stream.ts';
export { Table } from './topology/table.ts';
export type { Topology } from './topology/topology.ts';
