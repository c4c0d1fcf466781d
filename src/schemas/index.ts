/**
 * What travels on the topics: the Avro schema of every value, the TypeScript types generated from them, the
 * catalogue of topics, and codecs for the Confluent wire format.
 *
 * It promises that a codec decodes what any compatible older schema wrote, that bytes which are no value are
 * refused with an error and never misread at length, and that decoded records are plain objects. Where schemas
 * are registered and get their ids is the log's business (`#engine/log`).
 */
export { avroCodec, avroSchema, type SchemaName } from './avro-schemas.ts';
export {
  type TopicCleanup,
  type TopicDefinition,
  type TopicName,
  type TopicValue,
  topics,
} from './catalogue.ts';
export {
  type AvroCodec,
  avroCodecFor,
  canonicalSchema,
  checkBackwardCompatible,
  columnReader,
  schemaFingerprint,
  writerSchemaId,
} from './codec.ts';
export { commandOf, runRequest } from './commands.ts';
export type {
  ListColumn,
  ReadRow,
  RecordColumn,
  TextColumn,
  ValueColumn,
} from './compiled/column-reader.ts';
export type {
  Answer,
  AnsweredItem,
  ArchiveFile,
  ArchiveFileStatus,
  Candidate,
  CandidateSource,
  ColumnQuality,
  Command,
  CommandAnswer,
  CommandKind,
  ContextFeatures,
  DeadLetter,
  Device,
  Example,
  ExampleCorrection,
  ExampleEnding,
  ExampleHead,
  ExampleRequest,
  FeatureViewStatus,
  FeatureViewVersion,
  GateResult,
  Gender,
  Interaction,
  InteractionContext,
  InteractionKind,
  Item,
  ItemFacts,
  ItemFeatures,
  ItemType,
  Labels,
  MetricInterval,
  OffsetRange,
  Outcome,
  PopularityRanks,
  PrivacyStatus,
  ProductionComparison,
  Profile,
  PromotionHistory,
  RankChanges,
  RanksInForce,
  RecentEvents,
  RecentOutcomes,
  Run,
  RunError,
  RunPipeline,
  RunProgress,
  RunRequest,
  RunStatus,
  RunStep,
  RunTrigger,
  SampledNegatives,
  SchemaTypes,
  ServedItems,
  Snapshot,
  SnapshotFile,
  SnapshotRequest,
  SplitKind,
  UnlabelledExample,
  User,
  UserCategoryFeatures,
  UserFeatures,
  UserItemFeatures,
  UserPrivacy,
  Version,
  VersionRole,
  VersionStatus,
  ViewState,
  ViewVersion,
  VocabularySizes,
} from './generated/types.ts';
export { invalidIdReason } from './ids.ts';
export { contextFields, devices, readContext } from './interaction-context.ts';
export { shortText } from './short-text.ts';
