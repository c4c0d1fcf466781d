import { errorCode, FatalError, readUnsigned, varintEnd, writeUnsigned } from '#platform';

/** Records of one input that were taken one after the other. */
export type JournalRun = {
  /** Index into the entry's inputs. */
  readonly input: number;
  readonly first: number;
  readonly last: number;
  /** Fewer than the offsets from `first` to `last` where the log has gaps. */
  readonly count: number;
};

/** One call of a task's `process`, or, `processed` being false, what happened after the last one of a commit. */
export type JournalStep = {
  readonly processed: boolean;
  /** Wall-clock time that the call was given. */
  readonly wallNow: number;
  /** The task's watermark after it. */
  readonly watermark: number;
  /** Inputs whose watermark followed the wall clock before it, and the time that they followed. */
  readonly followed: readonly { readonly input: number; readonly wallNow: number }[];
  readonly runs: readonly JournalRun[];
};

export type JournalInput = {
  readonly topic: string;
  /** Positions before and after the commit. */
  readonly from: number;
  readonly to: number;
};

export type JournalStore = {
  readonly name: string;
  /** Hexadecimal. */
  readonly digest: string;
  /** Hexadecimal: of the schema that the digest was made with. */
  readonly fingerprint: string;
};

/** What a task did between two commits, and what came of it. */
export type JournalEntry = {
  /** Whether the task had committed nothing before: its state was empty. */
  readonly isFirst: boolean;
  /**
   * Whether records that it names were missing when it was copied from another log: it can't be repeated, and the offsets
   * of its runs say nothing.
   */
  readonly lacksRecords: boolean;
  /** Wall-clock time of the commit. */
  readonly committedAt: number;
  readonly inputs: readonly JournalInput[];
  readonly steps: readonly JournalStep[];
  readonly stores: readonly JournalStore[];
};

const VERSION = 1;
const FIRST = 1;
const LACKS_RECORDS = 2;

/**
 * The stored form of an entry. Counts, indexes and offsets are varints (LEB128); names and digests are bytes behind
 * their length; a time is a varint 2z, z being the zigzag of its distance from the time before it in the entry, or,
 * where that is no whole number, a 1 and eight bytes (double, big-endian).
 *
 *     u8       version (1)
 *     u8       flags: 1 the task's first entry, 2 copied without records that it names
 *     time     of the commit
 *     inputs   count; each: topic, position after, distance from the position before
 *     steps    count; each: flags (1 processed, 2 followed the wall clock), wall time, watermark,
 *              where flag 2 is set: count of (input, time); count of runs
 *     run      2 (records x inputs + input), plus 1 where it does not begin where that input's last run ended or has
 *              gaps: then the records passed over before it and the gaps within it
 *     stores   count; each: name, digest, fingerprint
 */
export function encodeJournalEntry(entry: JournalEntry): Buffer {
  const writer = new Writer();
  writer.byte(VERSION);
  writer.byte((entry.isFirst ? FIRST : 0) | (entry.lacksRecords ? LACKS_RECORDS : 0));
  writer.time(entry.committedAt);
  writer.varint(entry.inputs.length);
  for (const { topic, from, to } of entry.inputs) {
    writer.bytes(Buffer.from(topic));
    writer.varint(to);
    writer.varint(to - from);
  }
  const expected = entry.inputs.map(({ from }) => from);
  writer.varint(entry.steps.length);
  for (const step of entry.steps) writeStep(writer, step, expected);
  writer.varint(entry.stores.length);
  for (const { name, digest, fingerprint } of entry.stores) {
    writer.bytes(Buffer.from(name));
    writer.bytes(Buffer.from(digest, 'hex'));
    writer.bytes(Buffer.from(fingerprint, 'hex'));
  }
  return writer.finish();
}

/** Undefined for what another program has written; an entry that was lost with its bytes is a hole in the journal. */
export function readableJournalEntry(value: Buffer): JournalEntry | undefined {
  try {
    return decodeJournalEntry(value);
  } catch (error) {
    if (errorCode(error) !== 'MR_JOURNAL_UNREADABLE') throw error;
    return undefined;
  }
}

/** Errors: MR_JOURNAL_UNREADABLE. */
export function decodeJournalEntry(bytes: Buffer): JournalEntry {
  const reader = new Reader(bytes);
  const version = reader.byte();
  if (version !== VERSION) throw unreadable(`it has version ${version}`);
  const flags = reader.byte();
  const isFirst = (flags & FIRST) !== 0;
  const lacksRecords = (flags & LACKS_RECORDS) !== 0;
  const committedAt = reader.time();
  const inputs = reader.list(() => {
    const topic = reader.bytes().toString();
    const to = reader.varint();
    return { topic, from: to - reader.varint(), to };
  });
  const expected = inputs.map(({ from }) => from);
  const steps = reader.list(() => readStep(reader, expected));
  const stores = reader.list(() => ({
    name: reader.bytes().toString(),
    digest: reader.bytes().toString('hex'),
    fingerprint: reader.bytes().toString('hex'),
  }));
  if (!reader.isAtEnd) throw unreadable('it is longer than it states');
  return { isFirst, lacksRecords, committedAt, inputs, steps, stores };
}

const PROCESSED = 1;
const FOLLOWED = 2;

/** `expected`: the offset behind each input's last run. */
function writeStep(writer: Writer, step: JournalStep, expected: number[]): void {
  writer.byte((step.processed ? PROCESSED : 0) | (step.followed.length > 0 ? FOLLOWED : 0));
  writer.time(step.wallNow);
  writer.time(step.watermark);
  if (step.followed.length > 0) {
    writer.varint(step.followed.length);
    for (const { input, wallNow } of step.followed) {
      writer.varint(input);
      writer.time(wallNow);
    }
  }
  writer.varint(step.runs.length);
  for (const { input, first, last, count } of step.runs) {
    const before = first - (expected[input] as number);
    const within = last - first + 1 - count;
    const hasGaps = before !== 0 || within !== 0;
    writer.varint(2 * (count * expected.length + input) + (hasGaps ? 1 : 0));
    if (hasGaps) {
      writer.varint(before);
      writer.varint(within);
    }
    expected[input] = last + 1;
  }
}

function readStep(reader: Reader, expected: number[]): JournalStep {
  const flags = reader.byte();
  const wallNow = reader.time();
  const watermark = reader.time();
  const readFollowed = () => ({ input: reader.varint(), wallNow: reader.time() });
  const followed = (flags & FOLLOWED) !== 0 ? reader.list(readFollowed) : [];
  const runs = reader.list((): JournalRun => {
    const code = reader.varint();
    const inputAndCount = Math.floor(code / 2);
    const input = inputAndCount % expected.length;
    const count = Math.floor(inputAndCount / expected.length);
    const hasGaps = code % 2 === 1;
    const first = (expected[input] as number) + (hasGaps ? reader.varint() : 0);
    const last = first + count - 1 + (hasGaps ? reader.varint() : 0);
    expected[input] = last + 1;
    return { input, first, last, count };
  });
  return { processed: (flags & PROCESSED) !== 0, wallNow, watermark, followed, runs };
}

/** Distances of whole numbers beyond this are written as doubles. */
const MAX_DISTANCE = 2 ** 50;

class Writer {
  #bytes = Buffer.allocUnsafe(256);
  #length = 0;
  #lastTime = 0;

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  varint(value: number): void {
    this.#reserve(8);
    this.#length = writeUnsigned(this.#bytes, this.#length, value);
  }

  bytes(value: Buffer): void {
    this.varint(value.length);
    this.#reserve(value.length);
    this.#length += value.copy(this.#bytes, this.#length);
  }

  time(ms: number): void {
    const distance = ms - this.#lastTime;
    if (Number.isSafeInteger(ms) && Number.isInteger(distance) && Math.abs(distance) < MAX_DISTANCE) {
      this.varint(2 * (distance < 0 ? -2 * distance - 1 : 2 * distance));
      this.#lastTime = ms;
      return;
    }
    this.byte(1);
    this.#reserve(8);
    this.#length = this.#bytes.writeDoubleBE(ms, this.#length);
  }

  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(2 * (this.#length + bytes));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

class Reader {
  readonly #bytes: Buffer;
  #at = 0;
  #lastTime = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  byte(): number {
    const value = this.#bytes[this.#at++];
    if (value === undefined) throw unreadable('it is truncated');
    return value;
  }

  varint(): number {
    const value = readUnsigned(this.#bytes, this.#at);
    if (varintEnd > this.#bytes.length) throw unreadable('it is truncated');
    if (!Number.isSafeInteger(value)) throw unreadable('a number in it is too large');
    this.#at = varintEnd;
    return value;
  }

  bytes(): Buffer {
    const length = this.varint();
    const end = this.#at + length;
    if (end > this.#bytes.length) throw unreadable('it is truncated');
    const value = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return value;
  }

  time(): number {
    const code = this.varint();
    if (code === 1) {
      if (this.#at + 8 > this.#bytes.length) throw unreadable('it is truncated');
      this.#at += 8;
      return this.#bytes.readDoubleBE(this.#at - 8);
    }
    const zigzag = code / 2;
    this.#lastTime += zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2;
    return this.#lastTime;
  }

  list<T>(read: () => T): T[] {
    const length = this.varint();
    // Each element takes a byte at least.
    if (length > this.#bytes.length) throw unreadable('a list in it is longer than the entry');
    return Array.from({ length }, read);
  }
}

function unreadable(why: string): FatalError {
  return new FatalError('MR_JOURNAL_UNREADABLE', `A journal entry can't be read: ${why}.`, {
    hint: 'it is damaged, or was written by a newer release: verify with that one, or compare with a rebuild from the log',
  });
}
