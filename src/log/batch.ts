import { crc32 } from 'node:zlib';
import { unsignedBytes, writeUnsigned } from '#platform';
import { invalidRecord } from './errors.ts';
import { grown, takeMemory } from './memory.ts';
import type { Header, ProducerRecord } from './port.ts';
import { assertRecordBytes, type Key, keyRoom } from './record-size.ts';
import { writeText } from './text-bytes.ts';

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

/** Writes a value from a place on; gives its end, or the number of bytes that are missing there, negated. */
export type EncodeInto<V> = (value: V, target: Buffer, at: number) => number;

/** An encoded batch with what the log needs to know of it. */
export type EncodedBatch = {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly count: number;
  readonly span: number;
  readonly maxTimestamp: number;
  readonly hasNullKey: boolean;
};

/**
 * Encodes one batch; `offsets` (from the base, ascending) and `span` where they are not consecutive. Errors:
 * MR_LOG_INVALID_RECORD.
 */
export function encodeBatch(
  records: readonly ProducerRecord[],
  offsets?: readonly number[],
  span = records.length,
): EncodedBatch {
  const writer = new BatchWriter();
  for (const { key, value, timestamp, headers } of records) {
    assertTimestamp(timestamp);
    writer.add(key, value, timestamp, headers);
  }
  return writer.encode(offsets, span);
}

/**
 * A batch in the making: its records lie in one run of bytes as they will be stored, and none of them is an object that
 * a garbage collector would have to carry along until the batch is written.
 */
export class BatchWriter {
  count = 0;
  hasNullKey = false;
  #flags = NO_HEADERS;
  #smallest = Number.POSITIVE_INFINITY;
  #largest = Number.NEGATIVE_INFINITY;
  #integers = true;
  /** The body so far. */
  #body = Buffer.allocUnsafeSlow(1024);
  #end = 0;
  /** Taken by the length of the value last encoded in its place. */
  #lengthBytes = 1;
  #ends = new Uint32Array(16);
  #timestamps = new Float64Array(16);

  /** About as many as will be stored. */
  get byteLength(): number {
    return HEADER_BYTES + 8 * this.count + this.#end;
  }

  /** The records so far, as the format above has them; valid until the next one is added. */
  get body(): Buffer {
    return this.#body.subarray(0, this.#end);
  }

  /** Where record `index` ends in the body. */
  end(index: number): number {
    return this.#ends[index] as number;
  }

  timestamp(index: number): number {
    return this.#timestamps[index] as number;
  }

  /** Drops the records and keeps the room that they took. */
  clear(): void {
    this.count = 0;
    this.hasNullKey = false;
    this.#flags = NO_HEADERS;
    this.#smallest = Number.POSITIVE_INFINITY;
    this.#largest = Number.NEGATIVE_INFINITY;
    this.#integers = true;
    this.#end = 0;
    // A record larger than a batch is an exception.
    if (this.#body.length > 4 * MAX_BATCH_BYTES) this.#body = Buffer.allocUnsafeSlow(MAX_BATCH_BYTES);
  }

  /** `key`: bytes, or text that is written as UTF-8. `timestamp` is one that assertTimestamp lets pass. */
  add(key: Key, value: Buffer | null, timestamp: number, headers?: readonly Header[]): void {
    this.#reserve(10 + keyRoom(key) + (value === null ? 0 : value.length));
    const end = writeNullable(this.#body, this.#writeKey(key), value);
    if (value === null) this.#flags |= NULL_VALUE;
    this.#finish(key, end, timestamp, headers);
  }

  /** As `add`, for a value that is yet to be encoded; gives its length. Errors: those of encoding, MR_RECORD_TOO_LARGE. */
  addValue<V>(
    key: Key,
    value: V,
    encodeInto: EncodeInto<V>,
    timestamp: number,
    headers?: readonly Header[],
  ): number {
    this.#reserve(10 + keyRoom(key));
    const lengthAt = this.#writeKey(key);
    // The length comes first, and is known last: it takes as much room as that of the value before, most often.
    const guess = this.#lengthBytes;
    let end = encodeInto(value, this.#body, lengthAt + guess);
    while (end < 0) {
      this.#grow(this.#body.length - end);
      end = encodeInto(value, this.#body, lengthAt + guess);
    }
    const length = end - lengthAt - guess;
    assertRecordBytes(key, length);
    const room = unsignedBytes(length + 1);
    if (room !== guess) {
      this.#lengthBytes = room;
      this.#reserve(end + room - this.#end);
      this.#body.copyWithin(lengthAt + room, lengthAt + guess, end);
    }
    writeUnsigned(this.#body, lengthAt, length + 1);
    this.#finish(key, lengthAt + room + length, timestamp, headers);
    return length;
  }

  /** One more header for the last record. */
  addHeader([name, value]: Header): void {
    const nameBytes = Buffer.from(name);
    this.#reserve(10 + nameBytes.length + value.length);
    let at = writeBytes(this.#body, writeUnsigned(this.#body, this.#end, nameBytes.length), nameBytes);
    at = writeBytes(this.#body, writeUnsigned(this.#body, at, value.length), value);
    this.#end = at;
    this.#ends[this.count - 1] = at;
    this.#flags &= ~NO_HEADERS;
  }

  /** Takes over another's records behind its own. */
  addAll(other: BatchWriter): void {
    this.#reserve(other.#end);
    const start = this.#end;
    other.#body.copy(this.#body, start, 0, other.#end);
    for (let i = 0; i < other.count; i++) {
      this.#end = start + (other.#ends[i] as number);
      this.#note(other.#timestamps[i] as number);
    }
    const noHeaders = this.#flags & other.#flags & NO_HEADERS;
    this.#flags = ((this.#flags | other.#flags) & ~NO_HEADERS) | noHeaders;
    this.hasNullKey ||= other.hasNullKey;
  }

  /** `offsets` and `span` as in encodeBatch. The records stay. The memory may be given back, see giveMemory. */
  encode(offsets?: readonly number[], span = this.count): EncodedBatch {
    const { count } = this;
    const min = count === 0 ? 0 : this.#smallest;
    const max = count === 0 ? 0 : this.#largest;
    let flags = this.#flags | (offsets === undefined ? 0 : SPARSE);
    if (!this.#integers || max - min > 0xffffffff) flags |= WIDE;
    const timesAt = HEADER_BYTES + 4 * count;
    const offsetsAt = timesAt + (flags & WIDE ? 8 : 4) * count;
    const bodyAt = offsetsAt + (flags & SPARSE ? 4 : 0) * count;
    const length = bodyAt + this.#end;
    const bytes = Buffer.from(takeMemory(length), 0, length);
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    for (let i = 0; i < count; i++) {
      view.setUint32(HEADER_BYTES + 4 * i, this.#ends[i] as number, true);
      const timestamp = this.#timestamps[i] as number;
      if (flags & WIDE) view.setFloat64(timesAt + 8 * i, timestamp, true);
      else view.setUint32(timesAt + 4 * i, timestamp - min, true);
      if (offsets !== undefined) view.setUint32(offsetsAt + 4 * i, offsets[i] as number, true);
    }
    bytes.set(this.#body.subarray(0, this.#end), bodyAt);
    bytes[4] = VERSION;
    bytes[5] = flags;
    view.setUint16(6, 0, true);
    view.setUint32(8, count, true);
    view.setUint32(12, span, true);
    view.setFloat64(16, min, true);
    view.setFloat64(24, max, true);
    view.setUint32(0, crc32(bytes.subarray(4)), true);
    return { bytes, count, span, maxTimestamp: max, hasNullKey: this.hasNullKey };
  }

  /** Where it ends. */
  #writeKey(key: Key): number {
    return typeof key === 'string'
      ? writeKeyText(this.#body, this.#end, key)
      : writeNullable(this.#body, this.#end, key);
  }

  /** The record has been written up to `end`, but for its headers. */
  #finish(key: Key, end: number, timestamp: number, headers: readonly Header[] | undefined): void {
    this.#end = end;
    this.#note(timestamp);
    if (key === null) {
      this.#flags |= NULL_KEY;
      this.hasNullKey = true;
    }
    if (headers !== undefined) for (const header of headers) this.addHeader(header);
  }

  /** Counts the record that has been written up to `#end`. */
  #note(timestamp: number): void {
    if (this.count === this.#ends.length) {
      this.#ends = larger(this.#ends, new Uint32Array(2 * this.count));
      this.#timestamps = larger(this.#timestamps, new Float64Array(2 * this.count));
    }
    this.#ends[this.count] = this.#end;
    this.#timestamps[this.count] = timestamp;
    this.count++;
    if (timestamp < this.#smallest) this.#smallest = timestamp;
    if (timestamp > this.#largest) this.#largest = timestamp;
    this.#integers &&= Number.isInteger(timestamp);
  }

  #reserve(bytes: number): void {
    if (this.#end + bytes > this.#body.length) this.#grow(this.#end + bytes);
  }

  /** What lies behind the last record may be one in the making: it is kept. */
  #grow(needed: number): void {
    this.#body = grown(this.#body, Math.max(needed, 2 * this.#body.length));
  }
}

/** Errors: MR_LOG_INVALID_RECORD. */
export function assertTimestamp(timestamp: number): void {
  if (!Number.isFinite(timestamp)) throw invalidRecord(`a record has the timestamp ${timestamp}`);
}

/** The numbers of one list at the beginning of another. */
export function larger<T extends Uint32Array | Int32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function writeBytes(target: Uint8Array, at: number, source: Uint8Array): number {
  // Calling set() costs more than copying a short key byte by byte.
  if (source.length > 24) target.set(source, at);
  else for (let i = 0; i < source.length; i++) target[at + i] = source[i] as number;
  return at + source.length;
}

/** The length comes first, and is known last: it is written where that of as many ASCII characters would end. */
function writeKeyText(target: Buffer, at: number, text: string): number {
  const start = writeUnsigned(target, at, text.length + 1);
  const end = writeText(target, start, text);
  const length = end - start;
  if (length === text.length) return end;
  return writeBytes(target, writeUnsigned(target, at, length + 1), Buffer.from(text));
}

function writeNullable(target: Uint8Array, at: number, source: Uint8Array | null): number {
  if (source === null) return writeUnsigned(target, at, 0);
  return writeBytes(target, writeUnsigned(target, at, source.length + 1), source);
}
