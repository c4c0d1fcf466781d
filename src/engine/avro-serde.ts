import { type AvroCodec, avroCodecFor, schemaFingerprint, writerSchemaId } from '#avro';
import type { SchemaRegistry } from '#log';
import type { Serde } from './serde.ts';

const WIRE_FORMAT_HEADER = 5;

/**
 * A serde in the Confluent wire format, its schema registered under `subject` (by convention `<topic>-value`).
 * Values of all versions registered so far can be decoded at once; later ones are fetched when first met.
 * Errors: MR_SCHEMA_INCOMPATIBLE where the registry refuses the schema.
 */
export async function avroSerde<T>(
  registry: SchemaRegistry,
  subject: string,
  schema: object,
): Promise<Serde<T>> {
  const codec: AvroCodec<T> = avroCodecFor(schema);
  const id = await registry.register(subject, schema);
  const load = async (writer: number) => codec.addWriterSchema(writer, await registry.schema(writer));
  for (const version of await registry.versions(subject)) await load(version);
  return {
    encode: (value) => codec.encode(id, value),
    encodeInto: (value, target, at) => codec.encodeInto(id, value, target, at),
    decode: (bytes) => codec.decode(bytes),
    decodeAt: (bytes, start, end) => codec.decodeAt(bytes, start, end),
    isOwnAt: (bytes, start, end) => writerSchemaId(bytes, start, end) === id,
    prepare: async (bytes) => {
      const writer = writerSchemaId(bytes);
      if (!codec.hasWriterSchema(writer)) await load(writer);
    },
    fingerprint: schemaFingerprint(schema),
    framing: WIRE_FORMAT_HEADER,
    format: { family: 'avro', schema },
  };
}
