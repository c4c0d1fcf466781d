/**
 * How a record lies in a run, on its way to the log: time and order (what it is sorted by), kind, lengths, key, value.
 * Keys and values are those of the topic, so publishing copies bytes.
 */

/** What records are: the topic that they go to. */
export const RECORD_KINDS = ['dead-letters', 'items', 'users', 'answers', 'interactions'] as const;
export type RecordKind = (typeof RECORD_KINDS)[number];

/** Sorted before all times of events. */
export const LETTERS_AT = -2;
export const TABLES_AT = -1;

const ORDER_AT = 8;
const KIND_AT = 16;
const KEY_LENGTH_AT = 17;
const VALUE_LENGTH_AT = 19;
export const HEADER_BYTES = 23;

export function writeHeader(
  target: Buffer,
  at: number,
  { time, order, kind, keyLength, valueLength }: RecordHeader,
): void {
  target.writeDoubleLE(time, at);
  target.writeDoubleLE(order, at + ORDER_AT);
  target.writeUInt8(kind, at + KIND_AT);
  target.writeUInt16LE(keyLength, at + KEY_LENGTH_AT);
  target.writeUInt32LE(valueLength, at + VALUE_LENGTH_AT);
}

export type RecordHeader = {
  readonly time: number;
  readonly order: number;
  /** Index in RECORD_KINDS. */
  readonly kind: number;
  readonly keyLength: number;
  readonly valueLength: number;
};

export const timeAt = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at);
export const orderAt = (bytes: Buffer, at: number): number => bytes.readDoubleLE(at + ORDER_AT);
export const kindAt = (bytes: Buffer, at: number): RecordKind =>
  RECORD_KINDS[bytes.readUInt8(at + KIND_AT)] as RecordKind;
export const keyLengthAt = (bytes: Buffer, at: number): number => bytes.readUInt16LE(at + KEY_LENGTH_AT);

/** Bytes of the whole record. */
export function lengthAt(bytes: Buffer, at: number): number {
  return HEADER_BYTES + keyLengthAt(bytes, at) + bytes.readUInt32LE(at + VALUE_LENGTH_AT);
}
