import { FatalError } from '#platform';
import { encodingInto, formatAround, type Serde } from '../serde.ts';

/** Writes a value with the event time of its newest change after it: the store reads both, and hands out the time. */
export type StampedSerde<V> = Serde<V> & {
  /** As `encodeInto`, the time included. */
  readonly stampInto: (value: V, timestamp: number, target: Buffer, at: number) => number;
  readonly timestampOf: (bytes: Buffer) => number;
};

const STAMP_BYTES = 8;
const LAYOUT = 'stamped-1';

/**
 * A big-endian double after what `inner` writes. `decode` leaves it out; `encode`, which is not told of it, writes 0.
 * Errors: those of `inner`; MR_STORE_CORRUPT for bytes that are too few.
 */
export function stampedSerde<V>(inner: Serde<V>): StampedSerde<V> {
  const encodeInto = encodingInto(inner);
  const stampInto = (value: V, timestamp: number, target: Buffer, at: number): number => {
    const end = encodeInto(value, target, at);
    if (end < 0) return end - STAMP_BYTES;
    if (end + STAMP_BYTES > target.length) return target.length - end - STAMP_BYTES;
    return target.writeDoubleBE(timestamp, end);
  };
  const bodyOf = (bytes: Buffer) => {
    if (bytes.length >= inner.framing + STAMP_BYTES) return bytes.subarray(0, bytes.length - STAMP_BYTES);
    throw new FatalError('MR_STORE_CORRUPT', 'the bytes are not a value with its time', {
      hint: 'the store is rebuilt from its changelog',
    });
  };
  return {
    encode: (value) => Buffer.concat([inner.encode(value), Buffer.alloc(STAMP_BYTES)]),
    stampInto,
    decode: (bytes) => inner.decode(bodyOf(bytes)),
    timestampOf: (bytes) => bytes.readDoubleBE(bytes.length - STAMP_BYTES),
    prepare: (bytes) => inner.prepare(bodyOf(bytes)),
    fingerprint: Buffer.concat([Buffer.from(`${LAYOUT}:`), inner.fingerprint]),
    ...formatAround(LAYOUT, inner),
    framing: inner.framing,
  };
}

export function isStamped<V>(serde: Serde<V>): serde is StampedSerde<V> {
  return 'stampInto' in serde;
}
