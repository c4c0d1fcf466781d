/**
 * The log: partitioned, append-only topics in the manner of Kafka, behind one port, with a schema registry. The embedded
 * adapter keeps them in one SQLite file for any number of processes and threads of a machine, that on Kafka with its
 * brokers, and the registry with any that has Confluent's API; the simulated one keeps them in memory, with Kafka's
 * manners and faults on demand. `openLog` opens what the configuration chooses.
 *
 * It promises what port.ts says, proved for every adapter by contract.ts: what was acknowledged is durable, transactions
 * are whole or absent, and a fenced writer writes nothing. What the bytes mean is left to `#avro` and `#schemas`, what a
 * group's members share out is left to the engine, and when to clean is left to the services.
 */

export { larger } from './batch.ts';
export type { CheckOptions, LogCheck } from './embedded/check.ts';
export type { Cleaned, CleanOptions } from './embedded/cleaner.ts';
export {
  cut,
  decoded,
  KEY_COLUMNS,
  LogSource,
  type SourcePartition,
  STATE_TABLES,
  type StateRow,
  type StateTable,
  type StoredRow,
} from './embedded/copies/log-source.ts';
export { RestoredLog, type RestoredPartition } from './embedded/copies/restored-log.ts';
export { type EmbeddedLog, type EmbeddedLogOptions, openEmbeddedLog } from './embedded/embedded-log.ts';
export { isExpired } from './expiry.ts';
export { FencedWriter, type GroupOffsets, idleMember, type Transaction } from './fenced-writer.ts';
export { TRANSACTION_FAILPOINTS } from './kafka/producing/failpoints.ts';
export { type KafkaOptions, parseKafkaUrl } from './kafka/wire/kafka-options.ts';
export { giveMemory, grown, takeMemory } from './memory.ts';
export {
  type LogConfiguration,
  type LogEnvironment,
  type OpenedLog,
  openKafkaLog,
  openLog,
} from './open-log.ts';
export { partitionFor } from './partitioner.ts';
export type {
  Appended,
  Cleanup,
  Consumer,
  ConsumerOptions,
  GroupMember,
  GroupMetadata,
  Header,
  JoinOptions,
  Log,
  Membership,
  OffsetCommit,
  PartitionOffsets,
  Producer,
  ProducerRecord,
  ReadEntry,
  RecordBatch,
  Records,
  TopicDescription,
  TopicPartition,
  TopicSpec,
  TransactionalProducer,
} from './port.ts';
export { RecordBuffer } from './record-buffer.ts';
export { assertRecordBytes, type Key, keyRoom, MAX_RECORD_BYTES } from './record-size.ts';
export type { SchemaRegistry } from './registry.ts';
export {
  type Faults,
  openSimulatedLog,
  type SimulatedLog,
  type SimulatedLogOptions,
} from './simulated/simulated-log.ts';
export { StoredBatch } from './stored-batch.ts';
export { textRoom, writeText } from './text-bytes.ts';
