import { isExactLong, LARGEST_LONG } from '../strict-types.ts';

/** Where what was read or written last ends: returning it beside the value would take an object for each. */
export const cursor = { at: 0 };

/** Thrown where a value or its bytes need more than the compiled functions do: see compileReader. */
export const notCompiled = new Error('not for compiled code');

/** Node's own function, which `toString` calls when it has looked at its arguments, for half as long again. */
type NativeBuffer = Buffer & { utf8Slice(start: number, end: number): string };

/** Bits in four bytes of a varint. */
const HALF_BITS = 28;
/** Above this length a native call takes less time than a loop. */
const LONGEST_LOOP = 14;
/** Length of the longest text whose length takes one byte. */
const LONGEST_SHORT = 63;
/** Bytes of the longest character in UTF-8: with as many bytes left, `write` has not truncated the text. */
const LONGEST_CHARACTER = 4;

/** Over the bytes last read, and those last written. */
let read: DataView = new DataView(new ArrayBuffer(0));
let readBytes: Buffer | undefined;
let written: DataView = read;
let writtenBytes: Buffer | undefined;

/** What compiled readers call, each for a value that begins at `at`. */
export const readers = {
  long(bytes: Buffer, at: number): number {
    // In two halves, each an integer of the processor.
    let byte = 0x80;
    let low = 0;
    for (let shift = 0; byte >= 0x80 && shift < HALF_BITS; shift += 7) {
      byte = bytes[at++] as number;
      low |= (byte & 0x7f) << shift;
    }
    let high = 0;
    for (let shift = 0; byte >= 0x80; shift += 7) {
      byte = bytes[at++] as number;
      high |= (byte & 0x7f) << shift;
      if (shift > HALF_BITS - 7) throw notCompiled;
    }
    cursor.at = at;
    let value = low + high * 2 ** HALF_BITS;
    value = low & 1 ? -(value + 1) / 2 : value / 2;
    if (value > LARGEST_LONG || value < -LARGEST_LONG) throw notCompiled;
    return value;
  },

  double(bytes: Buffer, at: number): number {
    if (bytes !== readBytes) {
      read = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      readBytes = bytes;
    }
    return read.getFloat64(at, true);
  },

  text(bytes: Buffer, at: number): string {
    const prefix = bytes[at] as number;
    // A length of one byte that is not negative is even and below 128.
    const isShort = (prefix & 0x81) === 0;
    const length = isShort ? prefix >> 1 : readers.long(bytes, at);
    const start = isShort ? at + 1 : cursor.at;
    assertWithin(bytes, start, length);
    cursor.at = start + length;
    return (bytes as NativeBuffer).utf8Slice(start, start + length);
  },

  bytes(bytes: Buffer, at: number): Buffer {
    const length = readers.long(bytes, at);
    const start = cursor.at;
    assertWithin(bytes, start, length);
    cursor.at = start + length;
    return Buffer.from(bytes.subarray(start, start + length));
  },

  /** Every item takes a byte at least: no schema of ours has an array of nulls or of empty records. */
  count(bytes: Buffer, at: number): number {
    let count = readers.long(bytes, at);
    if (count < 0) {
      count = -count;
      // The block's length in bytes: a negative count announces it.
      readers.long(bytes, cursor.at);
    }
    assertWithin(bytes, cursor.at, count);
    return count;
  },
};

function assertWithin(bytes: Buffer, start: number, length: number): void {
  if (!(length >= 0 && start + length <= bytes.length)) throw notCompiled;
}

/** Called by compiled writers; each returns the end, which lies beyond `bytes` if the value did not fit. */
export const writers = {
  long(bytes: Buffer, at: number, value: unknown): number {
    if (!isExactLong(value)) throw notCompiled;
    const zigzag = value >= 0 ? 2 * value : -2 * value - 1;
    const high = Math.floor(zigzag / 2 ** HALF_BITS);
    let low = zigzag - high * 2 ** HALF_BITS;
    if (high === 0) return varint(bytes, at, low);
    for (let bits = 0; bits < HALF_BITS; bits += 7) {
      bytes[at++] = (low & 0x7f) | 0x80;
      low >>>= 7;
    }
    return varint(bytes, at, high);
  },

  double(bytes: Buffer, at: number, value: unknown): number {
    if (typeof value !== 'number') throw notCompiled;
    if (bytes !== writtenBytes) {
      written = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
      writtenBytes = bytes;
    }
    written.setFloat64(at, value, true);
    return at + 8;
  },

  text(bytes: Buffer, at: number, value: unknown): number {
    if (typeof value !== 'string') throw notCompiled;
    const { length } = value;
    const start = at + 1;
    if (length > LONGEST_LOOP) {
      const hasRoom = start + length + LONGEST_CHARACTER <= bytes.length;
      const isAscii = hasRoom && length <= LONGEST_SHORT && bytes.write(value, start) === length;
      if (!isAscii) return longText(bytes, at, value);
      bytes[at] = 2 * length;
      return start + length;
    }
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit > 0x7f) return longText(bytes, at, value);
      bytes[start + i] = unit;
    }
    bytes[at] = 2 * length;
    return start + length;
  },

  bytes(bytes: Buffer, at: number, value: unknown): number {
    if (!Buffer.isBuffer(value)) throw notCompiled;
    const start = writers.long(bytes, at, value.length);
    if (start + value.length > bytes.length) throw notCompiled;
    bytes.set(value, start);
    return start + value.length;
  },
};

function varint(bytes: Buffer, at: number, value: number): number {
  let left = value;
  while (left >= 0x80) {
    bytes[at++] = (left & 0x7f) | 0x80;
    left >>>= 7;
  }
  bytes[at] = left;
  return at + 1;
}

function longText(bytes: Buffer, at: number, value: string): number {
  const length = Buffer.byteLength(value);
  const start = writers.long(bytes, at, length);
  if (start + length > bytes.length) throw notCompiled;
  return start + bytes.write(value, start, length);
}
