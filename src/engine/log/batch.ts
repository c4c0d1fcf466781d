import { crc32 } from 'node:zlib';
import { invalidRecord } from './errors.ts';
import type { ProducerRecord } from './port.ts';
import { assertRecordSize } from './record-size.ts';

/**
 * The stored form of a run of records. Little endian:
 *
 *     0  u32  CRC-32 of everything after it
 *     4  u8   format version (1)
 *     5  u8   flags: 1 sparse offsets, 2 wide timestamps, 4 a key is null, 8 a value is null, 16 no record has headers
 *     6  u16  0
 *     8  u32  number of records
 *    12  u32  span: next offset - base offset
 *    16  f64  smallest timestamp
 *    24  f64  largest timestamp
 *    32  u32[n]  end of each record, counted from the start of the body
 *        u32[n]  timestamp - smallest timestamp (wide: f64[n], the timestamp itself)
 *        u32[n]  offset - base offset (sparse only; otherwise the index)
 *        body    per record: length of key + 1, key, length of value + 1, value (0: null), then to the record's
 *                end headers: length of name, name, length of value, value
 *
 * Lengths in the body are varints (LEB128). The columns make each record reachable without reading those before
 * it. The base offset is not part of the batch: it is encoded before the log has given out offsets.
 */
export const VERSION = 1;
export const SPARSE = 1;
export const WIDE = 2;
export const NULL_KEY = 4;
export const NULL_VALUE = 8;
export const NO_HEADERS = 16;
export const HEADER_BYTES = 32;

/** Above this size an append is stored as several batches, so that a reader's memory per step stays bounded. */
export const MAX_BATCH_BYTES = 256 * 1024;

/** An encoded batch with what the log needs to know of it. */
export type EncodedBatch = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly span: number;
  readonly maxTimestamp: number;
  readonly hasNullKey: boolean;
};

/**
 * Encodes records at consecutive offsets, as several batches where one would exceed `maxBytes`. Errors:
 * MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE.
 */
export function encodeBatches(
  records: readonly ProducerRecord[],
  maxBytes = MAX_BATCH_BYTES,
): EncodedBatch[] {
  const batches: EncodedBatch[] = [];
  for (const record of records) assertRecordSize(record);
  for (let from = 0; from < records.length; ) {
    let bytes = HEADER_BYTES;
    let to = from;
    while (to < records.length) {
      const size = 8 + bodyBytes(records[to] as ProducerRecord);
      if (to > from && bytes + size > maxBytes) break;
      bytes += size;
      to++;
    }
    batches.push(encodeBatch(from === 0 && to === records.length ? records : records.slice(from, to)));
    from = to;
  }
  return batches;
}

/** Encodes one batch; `offsets` (from the base, ascending) and `span` where they are not consecutive. */
export function encodeBatch(
  records: readonly ProducerRecord[],
  offsets?: readonly number[],
  span = records.length,
): EncodedBatch {
  const count = records.length;
  let flags = NO_HEADERS | (offsets === undefined ? 0 : SPARSE);
  let min = Number.POSITIVE_INFINITY;
  let max = Number.NEGATIVE_INFINITY;
  let body = 0;
  let integers = true;
  for (const record of records) {
    const { timestamp } = record;
    if (!Number.isFinite(timestamp)) throw invalidRecord(`a record has the timestamp ${timestamp}`);
    if (timestamp < min) min = timestamp;
    if (timestamp > max) max = timestamp;
    integers &&= Number.isInteger(timestamp);
    body += bodyBytes(record);
    if (record.key === null) flags |= NULL_KEY;
    if (record.value === null) flags |= NULL_VALUE;
    if (record.headers !== undefined && record.headers.length > 0) flags &= ~NO_HEADERS;
  }
  if (count === 0) min = max = 0;
  if (!integers || max - min > 0xffffffff) flags |= WIDE;
  const endsAt = HEADER_BYTES;
  const timesAt = endsAt + 4 * count;
  const offsetsAt = timesAt + (flags & WIDE ? 8 : 4) * count;
  const bodyAt = offsetsAt + (flags & SPARSE ? 4 : 0) * count;
  const bytes = new Uint8Array(bodyAt + body);
  const view = new DataView(bytes.buffer);
  let at = bodyAt;
  for (let i = 0; i < count; i++) {
    const record = records[i] as ProducerRecord;
    at = writeRecord(bytes, at, record);
    view.setUint32(endsAt + 4 * i, at - bodyAt, true);
    if (flags & WIDE) view.setFloat64(timesAt + 8 * i, record.timestamp, true);
    else view.setUint32(timesAt + 4 * i, record.timestamp - min, true);
    if (offsets !== undefined) view.setUint32(offsetsAt + 4 * i, offsets[i] as number, true);
  }
  bytes[4] = VERSION;
  bytes[5] = flags;
  view.setUint32(8, count, true);
  view.setUint32(12, span, true);
  view.setFloat64(16, min, true);
  view.setFloat64(24, max, true);
  view.setUint32(0, crc32(bytes.subarray(4)), true);
  return { bytes, count, span, maxTimestamp: max, hasNullKey: (flags & NULL_KEY) !== 0 };
}

function varintBytes(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x200000 ? 3 : value < 0x10000000 ? 4 : 5;
}

function bodyBytes({ key, value, headers }: ProducerRecord): number {
  const keyLength = key === null ? 0 : key.length;
  const valueLength = value === null ? 0 : value.length;
  let bytes = varintBytes(keyLength + 1) + keyLength + varintBytes(valueLength + 1) + valueLength;
  if (headers === undefined) return bytes;
  for (const [name, header] of headers) {
    const nameLength = Buffer.byteLength(name);
    bytes += varintBytes(nameLength) + nameLength + varintBytes(header.length) + header.length;
  }
  return bytes;
}

function writeVarint(target: Uint8Array, at: number, value: number): number {
  while (value >= 0x80) {
    target[at++] = (value & 0x7f) | 0x80;
    value >>>= 7;
  }
  target[at++] = value;
  return at;
}

function writeBytes(target: Uint8Array, at: number, source: Uint8Array): number {
  // Calling set() costs more than copying a short key byte by byte.
  if (source.length > 24) target.set(source, at);
  else for (let i = 0; i < source.length; i++) target[at + i] = source[i] as number;
  return at + source.length;
}

function writeNullable(target: Uint8Array, at: number, source: Uint8Array | null): number {
  if (source === null) return writeVarint(target, at, 0);
  return writeBytes(target, writeVarint(target, at, source.length + 1), source);
}

function writeRecord(target: Uint8Array, at: number, { key, value, headers }: ProducerRecord): number {
  at = writeNullable(target, at, key);
  at = writeNullable(target, at, value);
  if (headers === undefined) return at;
  for (const [name, header] of headers) {
    const nameBytes = Buffer.from(name);
    at = writeBytes(target, writeVarint(target, at, nameBytes.length), nameBytes);
    at = writeBytes(target, writeVarint(target, at, header.length), header);
  }
  return at;
}
