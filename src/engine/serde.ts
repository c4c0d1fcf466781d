import type { Cleanup, TopicPartition } from '#log';
import { errorCode } from '#platform';

/** Text form of a key. Its UTF-8 bytes are the record's key on the topic, and it indexes stores and caches. */
export interface KeySerde<K> {
  toText(key: K): string;
  fromText(text: string): K;
}

/** Keys that are text already. */
export const textKey: KeySerde<string> = { toText: (key) => key, fromText: (text) => text };

/** How values of one type are written to topics and stores. */
export interface Serde<V> {
  encode(value: V): Buffer;
  /**
   * As `encode`, into `target` from `at` on, without a Buffer for each value; returns the end, or where there is too little
   * room the number of bytes that are missing, negated.
   */
  encodeInto?(value: V, target: Buffer, at: number): number;
  /**
   * Errors: MR_AVRO_DECODE for bytes that are no such value; MR_SCHEMA_NOT_LOADED where `prepare` has to load
   * the writer's schema first.
   */
  decode(bytes: Buffer): V;
  /** As `decode`, of a value that lies among others, from `start` up to `end`; it holds no slice of `bytes`. */
  decodeAt?(bytes: Buffer, start: number, end: number): V;
  /**
   * Whether a value that lies there, as `decodeAt` takes it, would be encoded as the same bytes, or as others that mean the
   * same to every reader. Serdes that agree in it have one fingerprint.
   */
  isOwnAt?(bytes: Buffer, start: number, end: number): boolean;
  /** Loads what decoding these bytes needs; called only after MR_SCHEMA_NOT_LOADED. */
  prepare(bytes: Buffer): Promise<void>;
  /** Identity of the value's schema, the same on every registry; part of a store's digest. */
  readonly fingerprint: Buffer;
  /** Leading bytes that depend on the registry (schema id) and stay out of the digest. */
  readonly framing: number;
  /**
   * Tells a schema that has evolved from another type of value, where a store is found again under its name. Without it
   * every other fingerprint is another type.
   */
  readonly format?: SerdeFormat;
}

/** A family of encodings; where it has schemas, the one that values are written with. */
export type SerdeFormat = { readonly family: string; readonly schema?: object };

/** The format of a serde that writes values of another within its own. */
export function formatAround(outer: string, inner: { readonly format?: SerdeFormat }): typeof inner {
  const { format } = inner;
  return format === undefined ? {} : { format: { ...format, family: `${outer}(${format.family})` } };
}

/** The value, at once where its writer's schema is known: a promise for each would cost as much as the value. */
export function decodeLoading<V>(serde: Pick<Serde<V>, 'decode' | 'prepare'>, bytes: Buffer): V | Promise<V> {
  try {
    return serde.decode(bytes);
  } catch (error) {
    if (errorCode(error) !== 'MR_SCHEMA_NOT_LOADED') throw error;
    return serde.prepare(bytes).then(() => serde.decode(bytes));
  }
}

/** Its `encodeInto`, or one by way of `encode`. */
export function encodingInto<V>(serde: Serde<V>): NonNullable<Serde<V>['encodeInto']> {
  if (serde.encodeInto !== undefined) return serde.encodeInto;
  return (value, target, at) => {
    const bytes = serde.encode(value);
    if (at + bytes.length > target.length) return target.length - at - bytes.length;
    return at + bytes.copy(target, at);
  };
}

/** A serde of another type over the same bytes. */
export function adaptSerde<A, B>(serde: Serde<A>, to: (value: A) => B, from: (value: B) => A): Serde<B> {
  const { encodeInto, decodeAt, isOwnAt: _, ...others } = serde;
  return {
    ...others,
    encode: (value) => serde.encode(from(value)),
    ...(encodeInto !== undefined && {
      encodeInto: (value: B, target: Buffer, at: number) => encodeInto(from(value), target, at),
    }),
    decode: (bytes) => to(serde.decode(bytes)),
    ...(decodeAt !== undefined && {
      decodeAt: (bytes: Buffer, start: number, end: number) => to(decodeAt(bytes, start, end)),
    }),
  };
}

/** A topic with its types: what sources read and sinks write. */
export type Topic<K, V> = {
  readonly name: string;
  readonly partitions: number;
  readonly cleanup: Cleanup;
  readonly key: KeySerde<K>;
  readonly value: Serde<V>;
  /** For readers outside of topologies that don't say otherwise: takes what can't be decoded, which is then left out. */
  readonly onUndecodable?: OnUndecodable;
};

/** Where a record lies that can't be decoded; `key` is its text, null where it has none. */
export type UndecodableRecord = TopicPartition & { readonly offset: number; readonly key: string | null };
export type OnUndecodable = (record: UndecodableRecord, error: unknown) => void;
