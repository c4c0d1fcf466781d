import { formatAround, type Serde } from '../../serde.ts';

/** A state and the newest timestamp of what is in it. */
export type Timed<S> = { readonly value: S; readonly timestamp: number };

/** One of a key's windows. */
export type WindowState<S> = Timed<S> & { readonly startMs: number; readonly endMs: number };

const TIMED_SUFFIX = 9;
const ENTRY_HEADER = 28;

/** What the rows are of: rows of other windows are not to be read as rows of these. */
type Layout = string;

/**
 * Timed states, null among them: the state as `inner` writes it, eight bytes of timestamp (big-endian double), one
 * that is 1 where the state is null. What the registry puts in front stays in front, so that it is left out of digests.
 */
export function timedSerde<S>(inner: Serde<NonNullable<S>>, layout: Layout = 'timed-1'): Serde<Timed<S>> {
  const stateOf = (bytes: Buffer) => bytes.subarray(0, bytes.length - TIMED_SUFFIX);
  return {
    encode: ({ value, timestamp }) => {
      const state = value === null ? Buffer.alloc(inner.framing) : inner.encode(value as NonNullable<S>);
      const bytes = Buffer.allocUnsafe(state.length + TIMED_SUFFIX);
      bytes.set(state);
      bytes.writeDoubleBE(timestamp, state.length);
      bytes[state.length + 8] = value === null ? 1 : 0;
      return bytes;
    },
    decode: (bytes) => {
      const isNull = bytes[bytes.length - 1] === 1;
      const timestamp = bytes.readDoubleBE(bytes.length - TIMED_SUFFIX);
      return { value: (isNull ? null : inner.decode(stateOf(bytes))) as S, timestamp };
    },
    prepare: (bytes) => inner.prepare(stateOf(bytes)),
    fingerprint: Buffer.concat([inner.fingerprint, Buffer.from(layout)]),
    ...formatAround(layout, inner),
    framing: inner.framing,
  };
}

/**
 * A key's windows in one row: what the registry puts in front of a state, once; then for each window start, end and
 * timestamp (big-endian doubles), the length of its state (four bytes) and the state without that front.
 */
export function windowListSerde<S>(
  inner: Serde<S>,
  layout: Layout = 'windows-1',
): Serde<readonly WindowState<S>[]> {
  const { framing } = inner;
  const firstOf = (bytes: Buffer) => {
    const length = bytes.readUInt32BE(framing + ENTRY_HEADER - 4);
    const from = framing + ENTRY_HEADER;
    return withFront(bytes.subarray(0, framing), bytes.subarray(from, from + length));
  };
  return {
    encode: (windows) => {
      const parts: Buffer[] = [];
      for (const { value, timestamp, startMs, endMs } of windows) {
        const state = inner.encode(value);
        if (parts.length === 0) parts.push(state.subarray(0, framing));
        const header = Buffer.allocUnsafe(ENTRY_HEADER);
        header.writeDoubleBE(startMs, 0);
        header.writeDoubleBE(endMs, 8);
        header.writeDoubleBE(timestamp, 16);
        header.writeUInt32BE(state.length - framing, 24);
        parts.push(header, state.subarray(framing));
      }
      return Buffer.concat(parts);
    },
    decode: (bytes) => {
      const front = bytes.subarray(0, framing);
      const windows: WindowState<S>[] = [];
      for (let at = framing; at < bytes.length; ) {
        const [startMs, endMs] = [bytes.readDoubleBE(at), bytes.readDoubleBE(at + 8)];
        const timestamp = bytes.readDoubleBE(at + 16);
        const from = at + ENTRY_HEADER;
        at = from + bytes.readUInt32BE(at + 24);
        windows.push({
          value: inner.decode(withFront(front, bytes.subarray(from, at))),
          timestamp,
          startMs,
          endMs,
        });
      }
      return windows;
    },
    prepare: (bytes) => inner.prepare(firstOf(bytes)),
    fingerprint: Buffer.concat([inner.fingerprint, Buffer.from(layout)]),
    ...formatAround(layout, inner),
    framing,
  };
}

function withFront(front: Buffer, body: Buffer): Buffer {
  return front.length === 0 ? body : Buffer.concat([front, body]);
}
