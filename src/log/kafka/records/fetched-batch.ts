import { readVarint, varintEnd } from '#platform';
import { corruptBatch } from '../../errors.ts';
import type { Header, ReadEntry, RecordBatch } from '../../port.ts';
import type { BatchHeader } from './batch-header.ts';
import { compressionOf, decompress } from './compression.ts';
import {
  DamagedRecords,
  FIELDS,
  KEY,
  KEY_END,
  locateRecords,
  OFFSET,
  TIMESTAMP,
  VALUE,
  VALUE_END,
} from './record-positions.ts';

const noHeaders: readonly Header[] = [];

/**
 * What Buffer makes its slices of. Two are made of every record: `subarray`, which looks at its arguments and at those of the
 * buffer that it slices, takes twice as long.
 */
const { [Symbol.species]: Slice } = Buffer as unknown as {
  [Symbol.species]: new (memory: ArrayBufferLike, at: number, length: number) => Buffer;
};

/**
 * A batch as a broker sent it, seen from a position on: earlier records of the same batch are not part of it. Its records
 * are located at once, so that damaged bytes are refused before anybody has read some of them, and decoded on demand.
 */
export class FetchedBatch implements RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly baseOffset: number;
  /** Moved on by whoever finds that what follows has nothing to read. */
  nextOffset: number;
  readonly byteLength: number;
  readonly isPlain: boolean;
  readonly #header: BatchHeader;
  /** What holds the records. */
  readonly #bytes: Buffer;
  readonly #memory: ArrayBufferLike;
  readonly #memoryOffset: number;
  /** See record-positions.ts. */
  readonly #fields: Int32Array;
  readonly #wideTimestamps: Float64Array | undefined;
  /** Index of the first record at or after the position. */
  readonly #first: number;

  /** `fetched` holds the batch where `header` says. FatalError MR_LOG_CORRUPT. */
  constructor(
    topic: string,
    partition: number,
    header: BatchHeader,
    fetched: Buffer,
    position = header.baseOffset,
  ) {
    const { baseOffset, lastOffset, count, bodyStart, end } = header;
    this.topic = topic;
    this.partition = partition;
    this.#header = header;
    this.baseOffset = Math.max(baseOffset, position);
    this.nextOffset = lastOffset + 1;
    try {
      this.#bytes = header.compression === 0 ? fetched : decompressed(header, fetched);
      const start = header.compression === 0 ? bodyStart : 0;
      const bodyEnd = header.compression === 0 ? end : this.#bytes.length;
      const positions = locateRecords(this.#bytes, start, bodyEnd, count, lastOffset - baseOffset);
      this.byteLength = bodyEnd - start + positions.fields.byteLength;
      this.isPlain = positions.isPlain;
      this.#fields = positions.fields;
      this.#wideTimestamps = exact(header, positions.wideTimestamps);
    } catch (error) {
      if (!(error instanceof DamagedRecords)) throw error;
      throw corruptBatch(`${topic}/${partition} offset ${baseOffset}`, error.message);
    }
    this.#memory = this.#bytes.buffer;
    this.#memoryOffset = this.#bytes.byteOffset;
    this.#first = position <= baseOffset ? 0 : this.#firstAtOrAfter(position);
    this.count = count - this.#first;
  }

  offset(index: number): number {
    return this.#header.baseOffset + (this.#fields[FIELDS * this.#stored(index) + OFFSET] as number);
  }

  timestamp(index: number): number {
    const i = this.#stored(index);
    const { isLogAppendTime, maxTimestamp, baseTimestamp } = this.#header;
    if (isLogAppendTime) return maxTimestamp;
    if (this.#wideTimestamps !== undefined) return baseTimestamp + (this.#wideTimestamps[i] as number);
    return baseTimestamp + (this.#fields[FIELDS * i + TIMESTAMP] as number);
  }

  key(index: number): Buffer | null {
    const at = FIELDS * this.#stored(index);
    const start = this.#fields[at + KEY] as number;
    return start < 0 ? null : this.#slice(start, this.#fields[at + KEY_END] as number);
  }

  keyText(index: number): string | null {
    const at = FIELDS * this.#stored(index);
    const start = this.#fields[at + KEY] as number;
    const end = this.#fields[at + KEY_END] as number;
    return start < 0 ? null : this.#bytes.toString('utf8', start, end);
  }

  value(index: number): Buffer | null {
    const at = FIELDS * this.#stored(index);
    const start = this.#fields[at + VALUE] as number;
    return start < 0 ? null : this.#slice(start, this.#fields[at + VALUE_END] as number);
  }

  readValue<R>(index: number, read: (bytes: Buffer, start: number, end: number) => R): R | null {
    const at = FIELDS * this.#stored(index);
    const start = this.#fields[at + VALUE] as number;
    return start < 0 ? null : read(this.#bytes, start, this.#fields[at + VALUE_END] as number);
  }

  readEntry<R>(index: number, read: ReadEntry<R>): R {
    const at = FIELDS * this.#stored(index);
    const [keyStart, valueStart] = [this.#fields[at + KEY] as number, this.#fields[at + VALUE] as number];
    const keyEnd = keyStart < 0 ? -1 : (this.#fields[at + KEY_END] as number);
    const valueEnd = valueStart < 0 ? -1 : (this.#fields[at + VALUE_END] as number);
    return read(this.#bytes, keyStart, keyEnd, valueStart, valueEnd);
  }

  isEmpty(index: number): boolean {
    const at = FIELDS * this.#stored(index);
    return ((this.#fields[at + KEY] as number) & (this.#fields[at + VALUE] as number)) < 0;
  }

  /** A header without a value, which Kafka knows, comes out with an empty one. */
  headers(index: number): readonly Header[] {
    const count = readVarint(this.#bytes, this.#fields[FIELDS * this.#stored(index) + VALUE_END] as number);
    if (count === 0) return noHeaders;
    const headers: Header[] = [];
    for (let at = varintEnd; headers.length < count; ) {
      const nameLength = readVarint(this.#bytes, at);
      const name = this.#bytes.toString('utf8', varintEnd, varintEnd + nameLength);
      const valueLength = readVarint(this.#bytes, varintEnd + nameLength);
      at = varintEnd + Math.max(0, valueLength);
      headers.push([name, this.#bytes.subarray(varintEnd, at)]);
    }
    return headers;
  }

  /** The memory is that of a fetch, which other batches lie in. */
  free(): void {}

  /** `start` and `end` lie within the bytes. */
  #slice(start: number, end: number): Buffer {
    return new Slice(this.#memory, this.#memoryOffset + start, end - start);
  }

  /** Index among all records of the batch. */
  #stored(index: number): number {
    if (!(index >= 0 && index < this.count)) {
      throw new RangeError(`there is no record ${index} in a batch of ${this.count}`);
    }
    return this.#first + index;
  }

  #firstAtOrAfter(position: number): number {
    const { baseOffset, count } = this.#header;
    let low = 0;
    for (let high = count; low < high; ) {
      const middle = (low + high) >>> 1;
      if (baseOffset + (this.#fields[FIELDS * middle + OFFSET] as number) < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function decompressed({ compression: code, bodyStart, end }: BatchHeader, fetched: Buffer): Buffer {
  const compression = compressionOf(code);
  if (compression === undefined) throw new DamagedRecords(`it has the unknown compression ${code}`);
  try {
    return decompress(compression, fetched.subarray(bodyStart, end));
  } catch (error) {
    throw new DamagedRecords(`its ${compression} bytes can't be read: ${(error as Error).message}`);
  }
}

function exact({ baseTimestamp }: BatchHeader, deltas: Float64Array | undefined): Float64Array | undefined {
  if (deltas?.every((delta) => Number.isSafeInteger(baseTimestamp + delta)) === false) {
    throw new DamagedRecords('a timestamp is beyond 2^53');
  }
  return deltas;
}
