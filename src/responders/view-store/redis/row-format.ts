/**
 * A row as it lies in Redis, all numbers big-endian:
 *
 *     0   u8    format, 1
 *     1   u8    1 for a row, 0 for a tombstone
 *     2   f64   timestamp of the record, ms of event time
 *     10  u8    number of places; 1 but for keys that producers with different partitioners have written
 *     11  u32   partition  } a place: the newest record of the key in that partition,
 *     15  f64   offset     } the first place being that of this row
 *     ..        the record's value as it is on the topic
 *
 * Offsets are comparable within a partition only. So a row remembers the newest offset of each partition that its key
 * came from, and a record takes its place when it is newer than what came from its own partition.
 */
const FORMAT = 1;
const PLACE_BYTES = 12;
/** With one place, which is what writers send. */
const HEADER_BYTES = 11 + PLACE_BYTES;

export type StoredRow = {
  readonly partition: number;
  readonly offset: number;
  /** Event time, ms. */
  readonly timestamp: number;
  /** Null: the key was deleted. */
  readonly value: Buffer | null;
};

export function encodeRow({ partition, offset, timestamp, value }: StoredRow): Buffer {
  const bytes = Buffer.allocUnsafe(HEADER_BYTES + (value?.length ?? 0));
  bytes.writeUInt8(FORMAT, 0);
  bytes.writeUInt8(value === null ? 0 : 1, 1);
  bytes.writeDoubleBE(timestamp, 2);
  bytes.writeUInt8(1, 10);
  bytes.writeUInt32BE(partition, 11);
  bytes.writeDoubleBE(offset, 15);
  value?.copy(bytes, HEADER_BYTES);
  return bytes;
}

/** Undefined for bytes that are no row. The value is a view of `bytes`. */
export function decodeRow(bytes: Buffer): StoredRow | undefined {
  if (bytes.length < HEADER_BYTES || bytes[0] !== FORMAT || (bytes[1] as number) > 1) return undefined;
  const places = bytes[10] as number;
  const header = HEADER_BYTES + (places - 1) * PLACE_BYTES;
  if (places === 0 || bytes.length < header) return undefined;
  return {
    partition: bytes.readUInt32BE(11),
    offset: bytes.readDoubleBE(15),
    timestamp: bytes.readDoubleBE(2),
    value: bytes[1] === 1 ? bytes.subarray(header) : null,
  };
}
