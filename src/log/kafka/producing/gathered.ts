import type { Records } from '../../port.ts';
import { RecordBuffer } from '../../record-buffer.ts';
import { type BatchBuilder, buildBatches } from '../records/batch-builder.ts';
import type { Parcel } from './partition-queue.ts';

/** Where an append ended up; see Appended of the port. */
export type Place = { readonly baseOffset: number; readonly nextOffset: number };

/** One append to a partition: it settles when all of its records have, in the batches that they went into. */
export class Append {
  readonly records: Records;
  /** About as many as the records have; see `bytesOf`. */
  readonly bytes: number;
  readonly #resolve: (place: Place) => void;
  readonly #reject: (error: unknown) => void;
  #remaining: number;
  #baseOffset: number | undefined;
  #failure: { readonly error: unknown } | undefined;
  #isSettled = false;

  constructor(records: Records, resolve: (place: Place) => void, reject: (error: unknown) => void) {
    this.records = records;
    this.bytes = bytesOf(records);
    this.#remaining = records.length;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** Some of its records, which come in order, are in the log from `offset` on. */
  appended(offset: number, count: number): void {
    this.#baseOffset ??= offset;
    this.#settle(count, offset + count);
  }

  failed(error: unknown, count = this.#remaining): void {
    this.#failure ??= { error };
    this.#settle(count, 0);
  }

  #settle(count: number, nextOffset: number): void {
    this.#remaining -= count;
    if (this.#remaining > 0 || this.#isSettled) return;
    this.#isSettled = true;
    if (this.#failure !== undefined) this.#reject(this.#failure.error);
    else this.#resolve({ baseOffset: this.#baseOffset ?? nextOffset, nextOffset });
  }
}

/** A run of records of one append. */
type Part = { readonly append: Append; readonly from: number; readonly count: number };

/** A batch of the records of one append or of several that follow each other. */
class AppendParcel implements Parcel {
  readonly builder: BatchBuilder;
  readonly #parts: readonly Part[];

  constructor(builder: BatchBuilder, parts: readonly Part[]) {
    this.builder = builder;
    this.#parts = parts;
  }

  appended(baseOffset: number): void {
    let offset = baseOffset;
    for (const { append, count } of this.#parts) {
      append.appended(offset, count);
      offset += count;
    }
  }

  failed(error: unknown): void {
    for (const { append, count } of this.#parts) append.failed(error, count);
  }

  /** First each append by itself, so that one that is refused takes no other with it; then, for its size, halves of one. */
  split(isTooLarge: boolean): readonly Parcel[] {
    if (this.#parts.length > 1)
      return this.#parts.flatMap((part) => parcelsOf([part], Number.POSITIVE_INFINITY));
    if (!isTooLarge || this.builder.count === 1) return [];
    return parcelsOf(this.#parts, this.builder.byteLength / 2);
  }
}

/**
 * The appends' records in order, in batches of up to `maxBytes`. An append that can't be encoded fails by itself: it has no
 * part in them, and neither has one without records.
 */
export function parcels(appends: readonly Append[], maxBytes: number): readonly Parcel[] {
  const whole = appends.map((append) => ({ append, from: 0, count: append.records.length }));
  try {
    return parcelsOf(whole, maxBytes);
  } catch (error) {
    const [only] = appends;
    if (appends.length > 1) return appends.flatMap((append) => parcels([append], maxBytes));
    only?.failed(error);
    return [];
  }
}

function parcelsOf(parts: readonly Part[], maxBytes: number): readonly Parcel[] {
  const made: Parcel[] = [];
  const left = parts.filter(({ count }) => count > 0);
  for (const builder of buildBatches(left.map(run), maxBytes)) {
    const within: Part[] = [];
    for (let room = builder.count; room > 0; ) {
      const { append, from, count } = left.shift() as Part;
      const taken = Math.min(count, room);
      within.push({ append, from, count: taken });
      if (taken < count) left.unshift({ append, from: from + taken, count: count - taken });
      room -= taken;
    }
    made.push(new AppendParcel(builder, within));
  }
  return made;
}

function run({ append: { records }, from, count }: Part): Records {
  return count === records.length ? records : [...records].slice(from, from + count);
}

export function hasNullKey(records: Records): boolean {
  return records instanceof RecordBuffer ? records.hasNullKey : [...records].some(({ key }) => key === null);
}

/** A buffer doesn't say: a record's size as it usually is, where all that depends on it is when a batch goes. */
const USUAL_RECORD_BYTES = 128;

function bytesOf(records: Records): number {
  if (records instanceof RecordBuffer) return records.length * USUAL_RECORD_BYTES;
  let bytes = 0;
  for (const { key, value } of records) bytes += (key?.length ?? 0) + (value?.length ?? 0);
  return bytes;
}
