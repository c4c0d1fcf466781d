import { writerSchemaId } from '#avro';
import type { Serde, Topic } from '#engine';
import { RetryableError } from '#platform';

/** The topic with its values left as bytes, once the schema is loaded that decoding them later will need. */
export function encoded<V>(topic: Topic<string, V>): Topic<string, Buffer> {
  const loaded = new Set<number>();
  const { value } = topic;
  return withBytes(topic, {
    decode: (bytes) => {
      const schema = writerSchemaId(bytes);
      if (loaded.has(schema)) return bytes;
      throw new RetryableError(
        'MR_SCHEMA_NOT_LOADED',
        `Schema ${schema} of ${topic.name} was not fetched yet.`,
      );
    },
    prepare: async (bytes) => {
      await value.prepare(bytes);
      loaded.add(writerSchemaId(bytes));
    },
  });
}

/** For topics that others than the engine write: what can't be decoded is found out when it is read. */
export function encodedAndChecked<V>(topic: Topic<string, V>): Topic<string, Buffer> {
  const { value } = topic;
  return withBytes(topic, {
    decode: (bytes) => {
      value.decode(bytes);
      return bytes;
    },
    prepare: (bytes) => value.prepare(bytes),
  });
}

/** For copying: the values as they are, whatever they are. */
export function opaque<V>(topic: Topic<string, V>): Topic<string, Buffer> {
  return withBytes(topic, { decode: (bytes) => bytes, prepare: async () => {} });
}

function withBytes<V>(
  topic: Topic<string, V>,
  serde: Pick<Serde<Buffer>, 'decode' | 'prepare'>,
): Topic<string, Buffer> {
  const { fingerprint, framing } = topic.value;
  return { ...topic, value: { ...serde, encode: (bytes) => bytes, fingerprint, framing } };
}
