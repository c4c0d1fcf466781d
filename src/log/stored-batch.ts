import { crc32 } from 'node:zlib';
import { readUnsigned, varintEnd } from '#platform';
import { HEADER_BYTES, NO_HEADERS, NULL_KEY, NULL_VALUE, SPARSE, VERSION, WIDE } from './batch.ts';
import { corruptBatch } from './errors.ts';
import { freeMemory } from './memory.ts';
import type { Header, ProducerRecord, ReadEntry, RecordBatch } from './port.ts';

const noHeaders: readonly Header[] = [];

/** A batch as it lies in the log, seen from `position` on: earlier records of the same batch are not part of it. */
export class StoredBatch implements RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly baseOffset: number;
  readonly nextOffset: number;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #storedBase: number;
  readonly #flags: number;
  readonly #first: number;
  readonly #timesAt: number;
  readonly #offsetsAt: number;
  readonly #bodyAt: number;

  /** FatalError MR_LOG_CORRUPT. */
  constructor(
    topic: string,
    partition: number,
    storedBase: number,
    bytes: Uint8Array,
    position = storedBase,
  ) {
    const where = () => `${topic}/${partition} offset ${storedBase}`;
    if (bytes.length < HEADER_BYTES) throw corruptBatch(where(), `it has only ${bytes.length} bytes`);
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    if (crc32(this.#bytes.subarray(4)) !== this.#view.getUint32(0, true)) {
      throw corruptBatch(where(), 'its checksum is wrong');
    }
    if (bytes[4] !== VERSION) throw corruptBatch(where(), `it has the unknown format version ${bytes[4]}`);
    this.topic = topic;
    this.partition = partition;
    this.#storedBase = storedBase;
    this.#flags = bytes[5] as number;
    const stored = this.#view.getUint32(8, true);
    this.#timesAt = HEADER_BYTES + 4 * stored;
    this.#offsetsAt = this.#timesAt + (this.#flags & WIDE ? 8 : 4) * stored;
    this.#bodyAt = this.#offsetsAt + (this.#flags & SPARSE ? 4 : 0) * stored;
    this.#first = this.#firstAtOrAfter(position, stored);
    this.count = stored - this.#first;
    this.baseOffset = Math.max(storedBase, position);
    this.nextOffset = storedBase + this.#view.getUint32(12, true);
  }

  #firstAtOrAfter(position: number, stored: number): number {
    if (position <= this.#storedBase) return 0;
    if (!(this.#flags & SPARSE)) return Math.min(stored, position - this.#storedBase);
    let low = 0;
    for (let high = stored; low < high; ) {
      const middle = (low + high) >>> 1;
      const offset = this.#storedBase + this.#view.getUint32(this.#offsetsAt + 4 * middle, true);
      if (offset < position) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The stored form. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  get byteLength(): number {
    return this.#bytes.length;
  }

  get maxTimestamp(): number {
    return this.#view.getFloat64(24, true);
  }

  get isPlain(): boolean {
    return (this.#flags & (NO_HEADERS | NULL_KEY | NULL_VALUE)) === NO_HEADERS;
  }

  get hasTombstone(): boolean {
    return (this.#flags & NULL_VALUE) !== 0;
  }

  #stored(index: number): number {
    if (!(index >= 0 && index < this.count)) noRecord(index, this.count);
    return this.#first + index;
  }

  offset(index: number): number {
    const i = this.#stored(index);
    return (
      this.#storedBase + (this.#flags & SPARSE ? this.#view.getUint32(this.#offsetsAt + 4 * i, true) : i)
    );
  }

  timestamp(index: number): number {
    const i = this.#stored(index);
    if (this.#flags & WIDE) return this.#view.getFloat64(this.#timesAt + 8 * i, true);
    return this.#view.getFloat64(16, true) + this.#view.getUint32(this.#timesAt + 4 * i, true);
  }

  /** Where stored record `i` begins. */
  #start(i: number): number {
    return this.#bodyAt + (i === 0 ? 0 : this.#view.getUint32(HEADER_BYTES + 4 * (i - 1), true));
  }

  key(index: number): Buffer | null {
    const length = readUnsigned(this.#bytes, this.#start(this.#stored(index)));
    return length === 0 ? null : this.#bytes.subarray(varintEnd, varintEnd + length - 1);
  }

  keyText(index: number): string | null {
    const length = readUnsigned(this.#bytes, this.#start(this.#stored(index)));
    if (length === 0) return null;
    const [start, end] = [varintEnd, varintEnd + length - 1];
    return this.#bytes.toString('utf8', start, end);
  }

  isEmpty(index: number): boolean {
    const keyLength = readUnsigned(this.#bytes, this.#start(this.#stored(index)));
    return keyLength === 0 && readUnsigned(this.#bytes, varintEnd) === 0;
  }

  value(index: number): Buffer | null {
    const keyLength = readUnsigned(this.#bytes, this.#start(this.#stored(index)));
    const length = readUnsigned(this.#bytes, varintEnd + (keyLength === 0 ? 0 : keyLength - 1));
    return length === 0 ? null : this.#bytes.subarray(varintEnd, varintEnd + length - 1);
  }

  readValue<R>(index: number, read: (bytes: Buffer, start: number, end: number) => R): R | null {
    const keyLength = readUnsigned(this.#bytes, this.#start(this.#stored(index)));
    const length = readUnsigned(this.#bytes, varintEnd + (keyLength === 0 ? 0 : keyLength - 1));
    return length === 0 ? null : read(this.#bytes, varintEnd, varintEnd + length - 1);
  }

  readEntry<R>(index: number, read: ReadEntry<R>): R {
    const keyLength = readUnsigned(this.#bytes, this.#start(this.#stored(index)));
    const keyStart = varintEnd;
    const keyEnd = keyLength === 0 ? -1 : keyStart + keyLength - 1;
    const valueLength = readUnsigned(this.#bytes, Math.max(keyStart, keyEnd));
    const valueEnd = valueLength === 0 ? -1 : varintEnd + valueLength - 1;
    return read(this.#bytes, keyStart, keyEnd, varintEnd, valueEnd);
  }

  headers(index: number): readonly Header[] {
    const i = this.#stored(index);
    const end = this.#bodyAt + this.#view.getUint32(HEADER_BYTES + 4 * i, true);
    const keyLength = readUnsigned(this.#bytes, this.#start(i));
    const valueLength = readUnsigned(this.#bytes, varintEnd + Math.max(0, keyLength - 1));
    let at = varintEnd + Math.max(0, valueLength - 1);
    if (at === end) return noHeaders;
    const headers: Header[] = [];
    while (at < end) {
      const nameLength = readUnsigned(this.#bytes, at);
      const name = this.#bytes.toString('utf8', varintEnd, varintEnd + nameLength);
      const length = readUnsigned(this.#bytes, varintEnd + nameLength);
      at = varintEnd + length;
      headers.push([name, this.#bytes.subarray(varintEnd, at)]);
    }
    return headers;
  }

  /** Whoever has handed the bytes in may go on using them. */
  free(): void {}

  /** The record as it was appended. */
  record(index: number): ProducerRecord {
    const headers = this.headers(index);
    const plain = { key: this.key(index), value: this.value(index), timestamp: this.timestamp(index) };
    return headers.length === 0 ? plain : { ...plain, headers };
  }
}

/** One whose bytes are the reader's own, and all of their memory. */
export class FetchedBatch extends StoredBatch {
  override free(): void {
    freeMemory(this.bytes.buffer as ArrayBuffer);
  }
}

/** A stretch of offsets without readable records: control records, or what compaction has taken. */
export class EmptyBatch implements RecordBatch {
  readonly topic: string;
  readonly partition: number;
  readonly count = 0;
  readonly byteLength = 0;
  readonly isPlain = true;
  readonly baseOffset: number;
  readonly nextOffset: number;

  constructor(topic: string, partition: number, baseOffset: number, nextOffset: number) {
    this.topic = topic;
    this.partition = partition;
    this.baseOffset = baseOffset;
    this.nextOffset = nextOffset;
  }

  offset(index: number): never {
    return noRecord(index, 0);
  }

  timestamp(index: number): never {
    return noRecord(index, 0);
  }

  key(index: number): never {
    return noRecord(index, 0);
  }

  keyText(index: number): never {
    return noRecord(index, 0);
  }

  value(index: number): never {
    return noRecord(index, 0);
  }

  readValue(index: number): never {
    return noRecord(index, 0);
  }

  readEntry(index: number): never {
    return noRecord(index, 0);
  }

  isEmpty(index: number): never {
    return noRecord(index, 0);
  }

  headers(index: number): never {
    return noRecord(index, 0);
  }

  free(): void {}
}

function noRecord(index: number, count: number): never {
  throw new RangeError(`there is no record ${index} in a batch of ${count}`);
}
