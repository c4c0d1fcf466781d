import { type Serde, type Topic, textKey } from '../serde.ts';

/** JSON that refuses what is none: the engine does not care which serde it is given. */
export function json<V>(fingerprint = 'json'): Serde<V> {
  return {
    encode: (value) => Buffer.from(JSON.stringify(value)),
    decode: (bytes) => JSON.parse(bytes.toString()) as V,
    decodeAt: (bytes, start, end) => JSON.parse(bytes.toString('utf8', start, end)) as V,
    prepare: async () => {},
    fingerprint: Buffer.from(fingerprint),
    framing: 0,
  };
}

/** A topic of JSON values under text keys, for tests of topologies. */
export function jsonTopic<V>(name: string, partitions = 1, value: Serde<V> = json<V>()): Topic<string, V> {
  const cleanup = { policy: 'delete', retentionMs: null } as const;
  return { name, partitions, cleanup, key: textKey, value };
}
