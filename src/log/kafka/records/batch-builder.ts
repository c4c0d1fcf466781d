import { readUnsigned, varintBytes, varintEnd, varlongBytes, writeVarint, writeVarlong } from '#platform';
import { type BatchWriter, MAX_BATCH_BYTES } from '../../batch.ts';
import { invalidRecord } from '../../errors.ts';
import { grown } from '../../memory.ts';
import type { Header, ProducerRecord, Records } from '../../port.ts';
import { RecordBuffer } from '../../record-buffer.ts';
import { assertRecordSize } from '../../record-size.ts';
import {
  ATTRIBUTES,
  BASE_TIMESTAMP,
  BYTES_BEFORE,
  BYTES_THAT_FOLLOW,
  CHECKSUM,
  COUNT,
  CURRENT_MAGIC,
  checksum,
  HEADER_BYTES,
  LAST_OFFSET_DELTA,
  LEADER_EPOCH,
  MAGIC,
  MAX_TIMESTAMP,
  PRODUCER_EPOCH,
  PRODUCER_ID,
  SEQUENCE,
  TRANSACTIONAL,
  writeInt64,
} from './batch-format.ts';
import { compress, compressionCode, type WrittenCompression } from './compression.ts';

/** The producer as the brokers know it; -1 in all three numbers for a batch without one. */
export type BatchIdentity = {
  readonly producerId: number;
  readonly epoch: number;
  /** Sequence number of the first record: -1, or 0 to 2^31 - 1, after which it wraps to 0. */
  readonly sequence: number;
  readonly isTransactional: boolean;
  readonly compression: WrittenCompression;
};

/** More than the numbers of a record take, headers apart: length, attributes, timestamp, offset, three lengths. */
const RECORD_OVERHEAD = 5 + 1 + 8 + 5 + 5 + 5 + 5;

/**
 * What batches were written into that are through, for the next ones: new memory costs more than writing into it, and wakes
 * the garbage collector. Small batches take new memory.
 */
const spare: Buffer[] = [];
const MOST_SPARE = 16;
const SPARE_BYTES = { least: 64 * 1024, most: 2 * MAX_BATCH_BYTES };
const NO_BYTES = Buffer.alloc(0);

/** One record batch in the making, in wire format: nothing is allocated per record. */
export class BatchBuilder {
  count = 0;
  /** Records that have been added, and the room for the batch's header before them. */
  #bytes: Buffer;
  #end = HEADER_BYTES;
  #baseTimestamp = 0;
  #maxTimestamp = 0;

  /** `expectedBytes`: a guess that saves growing. */
  constructor(expectedBytes = 4096) {
    const used = expectedBytes >= SPARE_BYTES.least ? spare.pop() : undefined;
    this.#bytes = used ?? Buffer.allocUnsafeSlow(Math.max(expectedBytes, HEADER_BYTES));
  }

  /** Before compression. */
  get byteLength(): number {
    return this.#end;
  }

  /** Errors: MR_LOG_INVALID_RECORD for a timestamp that is no whole number from 0 to 2^53 - 1. */
  add(key: Buffer | null, value: Buffer | null, timestamp: number, headers?: readonly Header[]): void {
    this.#noteTimestamp(timestamp);
    const delta = timestamp - this.#baseTimestamp;
    const keyBytes = key === null ? 0 : key.length;
    const valueBytes = value === null ? 0 : value.length;
    const headerBytes = headers === undefined || headers.length === 0 ? 1 : sizeOfHeaders(headers);
    const length =
      1 +
      varlongBytes(delta) +
      varintBytes(this.count) +
      varintBytes(key === null ? -1 : keyBytes) +
      keyBytes +
      varintBytes(value === null ? -1 : valueBytes) +
      valueBytes +
      headerBytes;
    const at = this.#begin(length, delta);
    const bytes = this.#bytes;
    let end = writeVarint(bytes, at, key === null ? -1 : keyBytes);
    if (key !== null) end = copy(key, 0, keyBytes, bytes, end);
    end = writeVarint(bytes, end, value === null ? -1 : valueBytes);
    if (value !== null) end = copy(value, 0, valueBytes, bytes, end);
    if (headerBytes === 1) bytes[end++] = 0;
    else end = writeHeaders(bytes, end, headers as readonly Header[]);
    this.#end = end;
  }

  /** As `add`, for a record as a BatchWriter holds it: the same parts in the same order, their lengths written otherwise. */
  addStored(body: Buffer, start: number, end: number, timestamp: number): void {
    this.#noteTimestamp(timestamp);
    const delta = timestamp - this.#baseTimestamp;
    const keyLength = readUnsigned(body, start) - 1;
    const keyStart = varintEnd;
    const keyEnd = keyStart + (keyLength < 0 ? 0 : keyLength);
    const valueLength = readUnsigned(body, keyEnd) - 1;
    const valueStart = varintEnd;
    const valueEnd = valueStart + (valueLength < 0 ? 0 : valueLength);
    const headerBytes = valueEnd === end ? 1 : sizeOfStoredHeaders(body, valueEnd, end);
    const length =
      1 +
      varlongBytes(delta) +
      varintBytes(this.count) +
      varintBytes(keyLength) +
      (keyEnd - keyStart) +
      varintBytes(valueLength) +
      (valueEnd - valueStart) +
      headerBytes;
    const at = this.#begin(length, delta);
    const bytes = this.#bytes;
    let to = copy(body, keyStart, keyEnd, bytes, writeVarint(bytes, at, keyLength));
    to = copy(body, valueStart, valueEnd, bytes, writeVarint(bytes, to, valueLength));
    if (headerBytes === 1) bytes[to++] = 0;
    else to = writeStoredHeaders(bytes, to, body, valueEnd, end);
    this.#end = to;
  }

  /**
   * The batch, ready for a Produce request; again with other ids where a retry needs them. The bytes are the builder's
   * own: the next call of `add` or `finish` may change them.
   */
  finish({ producerId, epoch, sequence, isTransactional, compression }: BatchIdentity): Buffer {
    let bytes = this.#bytes;
    let end = this.#end;
    let attributes = isTransactional ? TRANSACTIONAL : 0;
    if (compression !== 'none') {
      const body = compress(compression, bytes.subarray(HEADER_BYTES, end));
      // Bytes that don't shrink stay as they are: the reader is spared the work.
      if (body.length < end - HEADER_BYTES) {
        attributes |= compressionCode(compression);
        bytes = Buffer.allocUnsafeSlow(HEADER_BYTES + body.length);
        end = HEADER_BYTES + body.copy(bytes, HEADER_BYTES);
      }
    }
    // The broker gives out the base offset and knows its epoch.
    writeInt64(bytes, 0, 0);
    bytes.writeInt32BE(end - BYTES_BEFORE, BYTES_THAT_FOLLOW);
    bytes.writeInt32BE(-1, LEADER_EPOCH);
    bytes.writeInt8(CURRENT_MAGIC, MAGIC);
    bytes.writeInt16BE(attributes, ATTRIBUTES);
    bytes.writeInt32BE(this.count - 1, LAST_OFFSET_DELTA);
    writeInt64(bytes, this.#baseTimestamp, BASE_TIMESTAMP);
    writeInt64(bytes, this.#maxTimestamp, MAX_TIMESTAMP);
    writeInt64(bytes, producerId, PRODUCER_ID);
    bytes.writeInt16BE(epoch, PRODUCER_EPOCH);
    bytes.writeInt32BE(sequence, SEQUENCE);
    bytes.writeInt32BE(this.count, COUNT);
    bytes.writeUInt32BE(checksum(bytes, 0, end), CHECKSUM);
    return bytes.subarray(0, end);
  }

  /** Nobody looks at what `finish` gave any more (requests under way have copies), and it is not called again. */
  release(): void {
    const { length } = this.#bytes;
    const isOfUse = length >= SPARE_BYTES.least && length <= SPARE_BYTES.most;
    if (isOfUse && spare.length < MOST_SPARE) spare.push(this.#bytes);
    this.#bytes = NO_BYTES;
  }

  #noteTimestamp(timestamp: number): void {
    if (!(Number.isSafeInteger(timestamp) && timestamp >= 0)) {
      throw invalidRecord(`a record has the timestamp ${timestamp}: Kafka takes whole numbers from 0 on`);
    }
    if (this.count === 0) this.#baseTimestamp = this.#maxTimestamp = timestamp;
    else if (timestamp > this.#maxTimestamp) this.#maxTimestamp = timestamp;
  }

  /** Begins a record with `length` bytes behind its own length, and returns the place of its key's length. */
  #begin(length: number, timestampDelta: number): number {
    const needed = this.#end + length + 5;
    if (needed > this.#bytes.length) this.#grow(needed);
    const bytes = this.#bytes;
    let at = writeVarint(bytes, this.#end, length);
    bytes[at++] = 0;
    at = writeVarlong(bytes, at, timestampDelta);
    return writeVarint(bytes, at, this.count++);
  }

  #grow(needed: number): void {
    this.#bytes = grown(this.#bytes, Math.max(needed, 2 * this.#bytes.length));
  }
}

/**
 * The records of all runs in order, as several batches where one would exceed `maxBytes` before compression; a record that
 * alone does is a batch of its own. Errors: MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE.
 */
export function buildBatches(runs: readonly Records[], maxBytes: number): BatchBuilder[] {
  const batches = new Batches(maxBytes);
  let left = 0;
  for (const { length } of runs) left += length;
  for (const records of runs) {
    if (records instanceof RecordBuffer) for (const writer of records.batches) addAllStored(batches, writer);
    else for (const record of records) addRecord(batches, record, left);
    // equivalent mutant (arithmetic): how much room is set aside at first shows nowhere
    left -= records.length;
  }
  return batches.builders;
}

/** Batches that are begun as the ones before them are full. */
class Batches {
  readonly builders: BatchBuilder[] = [];
  readonly #maxBytes: number;
  #last: BatchBuilder | undefined;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** `expectedBytes`: of all that is still to come. */
  withRoomFor(bytes: number, expectedBytes: number): BatchBuilder {
    if (this.#last === undefined || this.#last.byteLength + bytes > this.#maxBytes) {
      this.#last = new BatchBuilder(Math.min(this.#maxBytes, HEADER_BYTES + expectedBytes));
      this.builders.push(this.#last);
    }
    return this.#last;
  }
}

function addRecord(batches: Batches, record: ProducerRecord, count: number): void {
  const { key, value, timestamp, headers } = record;
  assertRecordSize(key, value);
  let bytes = RECORD_OVERHEAD + (key === null ? 0 : key.length) + (value === null ? 0 : value.length);
  if (headers !== undefined && headers.length > 0) bytes += sizeOfHeaders(headers);
  batches.withRoomFor(bytes, bytes * count).add(key, value, timestamp, headers);
}

function addAllStored(batches: Batches, writer: BatchWriter): void {
  const { body, count } = writer;
  for (let i = 0, start = 0; i < count; i++) {
    const end = writer.end(i);
    const expected = body.length - start + RECORD_OVERHEAD * (count - i);
    batches
      .withRoomFor(RECORD_OVERHEAD + end - start, expected)
      .addStored(body, start, end, writer.timestamp(i));
    start = end;
  }
}

function sizeOfHeaders(headers: readonly Header[]): number {
  let bytes = varintBytes(headers.length);
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(value.length) + value.length;
  }
  return bytes;
}

function writeHeaders(target: Buffer, at: number, headers: readonly Header[]): number {
  let end = writeVarint(target, at, headers.length);
  for (const [name, value] of headers) {
    const nameBytes = Buffer.byteLength(name);
    end = writeVarint(target, end, nameBytes);
    end += target.write(name, end);
    end = writeVarint(target, end, value.length);
    end = copy(value, 0, value.length, target, end);
  }
  return end;
}

function sizeOfStoredHeaders(body: Buffer, start: number, end: number): number {
  let count = 0;
  let bytes = 0;
  for (let at = start; at < end; count++) {
    const nameBytes = readUnsigned(body, at);
    const valueBytes = readUnsigned(body, varintEnd + nameBytes);
    at = varintEnd + valueBytes;
    bytes += varintBytes(nameBytes) + nameBytes + varintBytes(valueBytes) + valueBytes;
  }
  return varintBytes(count) + bytes;
}

function writeStoredHeaders(target: Buffer, to: number, body: Buffer, start: number, end: number): number {
  let count = 0;
  for (let at = start; at < end; count++) {
    at = cursorBehind(body, cursorBehind(body, at));
  }
  let written = writeVarint(target, to, count);
  for (let at = start; at < end; ) {
    const length = readUnsigned(body, at);
    at = varintEnd + length;
    written = copy(body, at - length, at, target, writeVarint(target, written, length));
  }
  return written;
}

/** Behind the run of bytes that begins with its length at `at`. */
function cursorBehind(body: Buffer, at: number): number {
  const length = readUnsigned(body, at);
  return varintEnd + length;
}

/** Returns the end in the target. */
function copy(source: Buffer, start: number, end: number, target: Buffer, at: number): number {
  const length = end - start;
  // Calling a copying function costs more than copying a short key byte by byte.
  if (length > 24) source.copy(target, at, start, end);
  else for (let i = 0; i < length; i++) target[at + i] = source[start + i] as number;
  return at + length;
}
