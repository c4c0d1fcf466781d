/**
 * Avro: codecs in the Confluent wire format, compiled from a schema, and what can be said of two schemas.
 *
 * It promises that a codec decodes what any compatible older schema wrote, that bytes which are no value are
 * refused with an error and never misread at length, and that decoded records are plain objects. Which schemas
 * there are is left to `#schemas`; where they are registered and get their ids, to `#log`. avsc stays behind this door.
 */
export {
  type AvroCodec,
  avroCodecFor,
  canonicalSchema,
  checkBackwardCompatible,
  columnReader,
  schemaFingerprint,
  writerSchemaId,
} from './codec.ts';
export type { ListColumn, RecordColumn, TextColumn, ValueColumn } from './compiled/column-reader.ts';
