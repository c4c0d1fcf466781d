import {
  assertTimestamp,
  BatchWriter,
  type EncodedBatch,
  type EncodeInto,
  MAX_BATCH_BYTES,
} from './batch.ts';
import type { Header, ProducerRecord, Records } from './port.ts';
import { assertRecordSize, type Key, keyRoom } from './record-size.ts';
import { StoredBatch } from './stored-batch.ts';
import { textRoom } from './text-bytes.ts';

/** Full ones take 64 MiB, which is about what waits for a commit at most. */
const MOST_SPARE = 256;
/** Emptied batches, for any buffer of this thread: those that need several are others in each commit. */
const spare: BatchWriter[] = [];

/** Columns and lengths, at most. */
const RECORD_OVERHEAD = 18;

/**
 * Records on their way to one partition, laid out as they will be stored. A task's output waits in these until it
 * commits: kept as objects, a commit's 30,000 records took half of the engine's processor time, spent by the garbage
 * collector on carrying them from one generation into the next.
 */
export class RecordBuffer implements Iterable<ProducerRecord> {
  readonly #maxBytes: number;
  /** Those that hold records: the buffer's own, then others. */
  readonly #batches: BatchWriter[] = [];
  readonly #own = new BatchWriter();
  #last: BatchWriter | undefined;
  #length = 0;
  /** Length of the value last encoded here: the next one is about as long. */
  #valueBytes = 0;

  /** `maxBytes`: of a batch; more records make several. */
  constructor(maxBytes = MAX_BATCH_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /** Errors: MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE. */
  static of(records: Iterable<ProducerRecord>, maxBytes = MAX_BATCH_BYTES): RecordBuffer {
    const buffer = new RecordBuffer(maxBytes);
    for (const record of records) buffer.add(record);
    return buffer;
  }

  get length(): number {
    return this.#length;
  }

  get hasNullKey(): boolean {
    return this.batches.some((batch) => batch.hasNullKey);
  }

  /** The records in order, for a log that stores them in a form of its own; valid until the next one is added. */
  get batches(): readonly BatchWriter[] {
    return this.#batches;
  }

  /** Drops the records and keeps the room that they took, so that as many more need no new one. */
  clear(): void {
    for (const batch of this.#batches) {
      batch.clear();
      if (batch !== this.#own && spare.length < MOST_SPARE) spare.push(batch);
    }
    this.#batches.length = 0;
    this.#last = undefined;
    this.#length = 0;
  }

  /** Errors: MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE. */
  add({ key, value, timestamp, headers }: ProducerRecord): void {
    this.put(key, value, timestamp, headers);
  }

  /** As `add`, without an object for the record. */
  put(key: Key, value: Buffer | null, timestamp: number, headers?: readonly Header[]): void {
    assertTimestamp(timestamp);
    assertRecordSize(key, value);
    const bytes = roomOf(key, headers) + (value === null ? 0 : value.length);
    this.#withRoomFor(bytes).add(key, value, timestamp, headers);
    this.#length++;
  }

  /**
   * As `put`, for a value that `encodeInto` (see Serde) writes in its place; gives its length. Errors: those of encoding as
   * well.
   */
  putValue<V>(
    key: Key,
    value: V,
    encodeInto: EncodeInto<V>,
    timestamp: number,
    headers?: readonly Header[],
  ): number {
    assertTimestamp(timestamp);
    const bytes = roomOf(key, headers) + this.#valueBytes;
    this.#valueBytes = this.#withRoomFor(bytes).addValue(key, value, encodeInto, timestamp, headers);
    this.#length++;
    return this.#valueBytes;
  }

  /** One more header for the last record. */
  addHeader(header: Header): void {
    this.#last?.addHeader(header);
  }

  /** Takes over another's records behind its own. */
  addAll(other: RecordBuffer): void {
    for (const batch of other.batches) this.#withRoomFor(batch.byteLength).addAll(batch);
    this.#length += other.#length;
  }

  /** At consecutive offsets. The records stay, so that a commit which has failed can be tried again. */
  encode(): EncodedBatch[] {
    return this.batches.map((batch) => batch.encode());
  }

  *[Symbol.iterator](): Generator<ProducerRecord> {
    for (const { bytes } of this.encode()) {
      const batch = new StoredBatch('', 0, 0, bytes);
      for (let i = 0; i < batch.count; i++) yield batch.record(i);
    }
  }

  #withRoomFor(bytes: number): BatchWriter {
    if (this.#last === undefined || this.#last.byteLength + bytes > this.#maxBytes) {
      this.#last = this.#last === undefined ? this.#own : (spare.pop() ?? new BatchWriter());
      this.#batches.push(this.#last);
    }
    return this.#last;
  }
}

/** Bytes of a record without its value, at most. */
function roomOf(key: Key, headers: readonly Header[] | undefined): number {
  let bytes = RECORD_OVERHEAD + keyRoom(key);
  if (headers !== undefined)
    for (const [name, header] of headers) bytes += 10 + textRoom(name) + header.length;
  return bytes;
}

/**
 * Encodes records at consecutive offsets, as several batches where one would exceed `maxBytes`. Errors:
 * MR_LOG_INVALID_RECORD, MR_RECORD_TOO_LARGE.
 */
export function encodeBatches(records: Records, maxBytes = MAX_BATCH_BYTES): EncodedBatch[] {
  return (records instanceof RecordBuffer ? records : RecordBuffer.of(records, maxBytes)).encode();
}
