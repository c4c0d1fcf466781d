import { FatalError } from '#platform';
import { formatAround, type Serde } from '../serde.ts';

/** A value with the event time from which it counts; null where there is none from then on. */
export type Entry<V> = {
  readonly timestamp: number;
  readonly value: V | null;
  /** One bit of the owner's: that an entry of a join has met its counterpart. */
  readonly marked: boolean;
};

const COUNT_BYTES = 4;
const ENTRY_HEADER_BYTES = 13;
const ABSENT = 1;
const MARKED = 2;

/**
 * A row of several entries in one value of a store: the inner serde's framing once, the count, then of each entry its
 * timestamp, flags, length and body without framing. So the framing, which names a registry's schema id, stays out
 * of the digest. `layout` names what the rows are, where lists of entries may be of different kinds. Errors: those of the inner serde; MR_STORE_CORRUPT where the bytes are no such list.
 */
export function timestampedList<V>(
  inner: Serde<V>,
  layout = 'timestamped-list-1',
): Serde<readonly Entry<V>[]> {
  const { framing } = inner;
  return {
    framing,
    fingerprint: Buffer.concat([Buffer.from(`${layout}:`), inner.fingerprint]),
    ...formatAround(layout, inner),
    encode: (entries) => {
      const bodies = entries.map(({ value }) => (value === null ? undefined : inner.encode(value)));
      const head = bodies.find((body) => body !== undefined)?.subarray(0, framing) ?? Buffer.alloc(framing);
      const count = Buffer.allocUnsafe(COUNT_BYTES);
      count.writeUInt32BE(entries.length);
      const parts = [head, count];
      for (const [i, { timestamp, value, marked }] of entries.entries()) {
        const body = bodies[i]?.subarray(framing);
        const header = Buffer.allocUnsafe(ENTRY_HEADER_BYTES);
        header.writeDoubleBE(timestamp);
        header.writeUInt8((value === null ? ABSENT : 0) | (marked ? MARKED : 0), 8);
        header.writeUInt32BE(body?.length ?? 0, 9);
        parts.push(header);
        if (body !== undefined) parts.push(body);
      }
      return Buffer.concat(parts);
    },
    decode: (bytes) =>
      Array.from(bodiesOf(bytes, framing), ({ timestamp, flags, bytes: body }) => ({
        timestamp,
        value: (flags & ABSENT) === 0 ? inner.decode(body) : null,
        marked: (flags & MARKED) !== 0,
      })),
    prepare: async (bytes) => {
      for (const { flags, bytes: body } of bodiesOf(bytes, framing)) {
        if ((flags & ABSENT) === 0) return inner.prepare(body);
      }
    },
  };
}

/** The entries, each body with the framing in front again. */
function* bodiesOf(bytes: Buffer, framing: number) {
  const head = bytes.subarray(0, framing);
  if (bytes.length < framing + COUNT_BYTES) throw invalid();
  const count = bytes.readUInt32BE(framing);
  let at = framing + COUNT_BYTES;
  for (let i = 0; i < count; i++) {
    if (bytes.length < at + ENTRY_HEADER_BYTES) throw invalid();
    const start = at + ENTRY_HEADER_BYTES;
    const end = start + bytes.readUInt32BE(at + 9);
    if (bytes.length < end) throw invalid();
    const body = bytes.subarray(start, end);
    yield {
      timestamp: bytes.readDoubleBE(at),
      flags: bytes.readUInt8(at + 8),
      bytes: framing === 0 ? body : Buffer.concat([head, body]),
    };
    at = end;
  }
}

function invalid(): FatalError {
  return new FatalError('MR_STORE_CORRUPT', 'the bytes are not a list of timestamped values', {
    hint: 'the store is rebuilt from its changelog',
  });
}

/** `entries` with one more behind all that are not later: sorted by time, then arrival. */
export function withEntry<V>(entries: readonly Entry<V>[], entry: Entry<V>): Entry<V>[] {
  let at = entries.length;
  while (at > 0 && (entries[at - 1] as Entry<V>).timestamp > entry.timestamp) at--;
  return entries.toSpliced(at, 0, entry);
}
