/**
 * What travels on the topics: the Avro schema of every value, the TypeScript types generated from them, the
 * catalogue of topics, and codecs for the Confluent wire format.
 *
 * It promises that a codec decodes what any compatible older schema wrote, that bytes which are no value are
 * refused with an error and never misread at length, and that decoded records are plain objects. Where schemas
 * are registered and get their ids is the log's business (`#engine/log`).
 */
export { avroSchema, type SchemaName } from './avro-schemas.ts';
export {
  type TopicCleanup,
  type TopicDefinition,
  type TopicName,
  type TopicValue,
  topics,
} from './catalogue.ts';
export {
  type AvroCodec,
  avroCodec,
  avroCodecFor,
  canonicalSchema,
  checkBackwardCompatible,
  schemaFingerprint,
  writerSchemaId,
} from './codec.ts';
export type {
  Answer,
  AnsweredItem,
  Candidate,
  CandidateSource,
  Command,
  CommandKind,
  DeadLetter,
  Device,
  Example,
  ExampleRequest,
  Gender,
  Interaction,
  InteractionContext,
  InteractionKind,
  Item,
  ItemFeatures,
  ItemType,
  OffsetRange,
  Profile,
  RecentEvents,
  SchemaTypes,
  Snapshot,
  SnapshotFile,
  User,
  UserFeatures,
  Version,
  VersionStatus,
  ViewState,
  ViewVersion,
} from './generated/types.ts';
