/**
 * External sorting: records gather in memory, and go to disk sorted whenever `RUN_BYTES` are full. Merging the runs
 * (run-merge.ts) gives all records in the order of time, then `order`, then as they were added.
 */
import { closeSync, fsyncSync, mkdirSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { namingFullDisk } from '#platform';
import { HEADER_BYTES, lengthAt, RECORD_KINDS, type RecordKind, writeHeader } from './record-layout.ts';

const RUN_BYTES = 64 << 20;
/** Records are written to a file this many bytes at a time. */
const WRITTEN_BYTES = 1 << 20;
const FIRST_RECORDS = 1 << 16;

export type SortedRecord<V> = {
  readonly time: number;
  readonly order: number;
  readonly kind: RecordKind;
  /** UTF-8. */
  readonly key: string;
  readonly value: V;
};

/** As `Serde` has it: returns the end, or how many bytes are missing, negated. */
export type EncodeValue<V> = (value: V, target: Buffer, at: number) => number;

export class RunWriter {
  readonly #directory: string;
  readonly #runBytes: number;
  readonly #paths: string[] = [];
  #bytes: Buffer;
  #end = 0;
  /** Where each record begins, and what it is sorted by: reading that from the bytes would take twice the time. */
  #starts = new Uint32Array(FIRST_RECORDS);
  #times = new Float64Array(FIRST_RECORDS);
  #orders = new Float64Array(FIRST_RECORDS);
  #count = 0;
  #isSorted = true;

  /** `directory` is made. `runBytes`: of memory. */
  constructor(directory: string, runBytes = RUN_BYTES) {
    mkdirSync(directory, { recursive: true });
    this.#directory = directory;
    this.#runBytes = runBytes;
    this.#bytes = Buffer.allocUnsafe(runBytes);
  }

  /** Errors: RetryableError MR_DISK_FULL; those of encoding. */
  add<V>({ time, order, kind, key, value }: SortedRecord<V>, encode: EncodeValue<V>): void {
    const start = this.#end;
    // Room for the longest key that the text may make.
    const keyEnd = start + HEADER_BYTES + key.length * 3;
    if (keyEnd > this.#bytes.length) {
      this.#again({ time, order, kind, key, value }, encode, keyEnd - start);
      return;
    }
    const keyLength = this.#bytes.write(key, start + HEADER_BYTES);
    const valueStart = start + HEADER_BYTES + keyLength;
    const end = encode(value, this.#bytes, valueStart);
    if (end < 0) {
      this.#again({ time, order, kind, key, value }, encode, valueStart - start - end);
      return;
    }
    const kindIndex = RECORD_KINDS.indexOf(kind);
    writeHeader(this.#bytes, start, {
      time,
      order,
      kind: kindIndex,
      keyLength,
      valueLength: end - valueStart,
    });
    if (this.#count === this.#starts.length) this.#makeRoom();
    const at = this.#count++;
    this.#starts[at] = start;
    this.#times[at] = time;
    this.#orders[at] = order;
    if (at > 0 && this.#isSorted) this.#isSorted = this.#compare(at - 1, at) <= 0;
    this.#end = end;
  }

  /** Writes what is left. Returns the runs in the order of adding. */
  finish(): readonly string[] {
    this.#flush();
    this.#bytes = Buffer.alloc(0);
    return this.#paths;
  }

  /** In a new run; one record may be longer than a run. */
  #again<V>(record: SortedRecord<V>, encode: EncodeValue<V>, bytes: number): void {
    if (this.#count > 0) this.#flush();
    else this.#bytes = Buffer.allocUnsafe(Math.max(2 * bytes, 2 * this.#bytes.length, this.#runBytes));
    this.add(record, encode);
  }

  #makeRoom(): void {
    const [starts, times, orders] = [this.#starts, this.#times, this.#orders];
    this.#starts = new Uint32Array(2 * this.#count);
    this.#times = new Float64Array(2 * this.#count);
    this.#orders = new Float64Array(2 * this.#count);
    this.#starts.set(starts);
    this.#times.set(times);
    this.#orders.set(orders);
  }

  #compare(left: number, right: number): number {
    const byTime = (this.#times[left] as number) - (this.#times[right] as number);
    return byTime !== 0 ? byTime : (this.#orders[left] as number) - (this.#orders[right] as number);
  }

  #flush(): void {
    if (this.#count === 0) return;
    const path = join(this.#directory, `run-${this.#paths.length}`);
    try {
      this.#write(path);
    } catch (error) {
      throw namingFullDisk(error, this.#directory);
    }
    this.#paths.push(path);
    this.#count = 0;
    this.#end = 0;
    this.#isSorted = true;
  }

  #write(path: string): void {
    const file = openSync(path, 'w');
    try {
      if (this.#isSorted) writeWhole(file, this.#bytes.subarray(0, this.#end));
      else this.#writeInOrder(file);
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  }

  #writeInOrder(file: number): void {
    const places = Uint32Array.from({ length: this.#count }, (_, i) => i);
    places.sort((left, right) => this.#compare(left, right) || left - right);
    let chunk = Buffer.allocUnsafe(WRITTEN_BYTES);
    let length = 0;
    for (const place of places) {
      const start = this.#starts[place] as number;
      const bytes = lengthAt(this.#bytes, start);
      if (length + bytes > chunk.length) {
        writeWhole(file, chunk.subarray(0, length));
        length = 0;
        if (bytes > chunk.length) chunk = Buffer.allocUnsafe(bytes);
      }
      this.#bytes.copy(chunk, length, start, start + bytes);
      length += bytes;
    }
    writeWhole(file, chunk.subarray(0, length));
  }
}

function writeWhole(file: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
}
