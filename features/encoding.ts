/**
 * The canonical bytes of aggregation states. Equal states must give equal bytes, because digests, changelogs and
 * the comparison of a rebuilt view with the live one all work on bytes. So there is one way to write each value:
 * integers as the shortest LEB128 varint (signed ones in zigzag), lists of strings as one run of UTF-8, and
 * whoever writes a map or a set writes it in the order of `compareBytewise` or in another total order. A double is
 * offered for values that are kept and compared only: a sum of doubles depends on the order of its terms.
 *
 * Reading is as strict: bytes either are refused or are the ones that writing what was read gives again.
 */
import { isUtf8 } from 'node:buffer';
import { FatalError, invariant, writeUnsigned } from '#platform';

const malformed = (what: string): FatalError =>
  new FatalError('MR_FEATURES_STATE_MALFORMED', `aggregation state is malformed: ${what}`, {
    hint: 'The bytes are damaged, or something else wrote them. Rebuild the view from its source topic.',
  });

/**
 * Orders strings as their UTF-8 bytes do. It differs from `<`, which compares UTF-16 units, where one string has a
 * character above U+FFFF (whose units D800 to DFFF sort below U+E000 to U+FFFF).
 */
export function compareBytewise(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const left = a.charCodeAt(i);
    const right = b.charCodeAt(i);
    if (left === right) continue;
    const leftIsSurrogate = (left & 0xf800) === 0xd800;
    const rightIsSurrogate = (right & 0xf800) === 0xd800;
    if (leftIsSurrogate !== rightIsSurrogate) return leftIsSurrogate ? 1 : -1;
    return left - right;
  }
  return a.length - b.length;
}

/** Writes canonical values one after another; `take` hands out the bytes and makes the writer empty again. */
export class CanonicalWriter {
  #buffer = Buffer.allocUnsafeSlow(1024);
  #length = 0;

  /** An integer from 0 to 2^53 - 1. */
  unsigned(value: number): void {
    invariant(Number.isSafeInteger(value) && value >= 0, 'an unsigned integer within 2^53 is needed');
    this.#reserve(8);
    this.#varint(value);
  }

  /** An integer from -(2^53 - 1) to 2^53 - 1, in zigzag: 0, -1, 1, -2, ... become 0, 1, 2, 3, ... */
  signed(value: number): void {
    invariant(Number.isSafeInteger(value), 'an integer within 2^53 is needed');
    this.#reserve(9);
    const sign = value < 0 ? 1 : 0;
    const magnitude = value < 0 ? -value - 1 : value;
    // Twice the magnitude may exceed 2^53, so the first byte takes the sign and six bits, a varint the rest.
    const first = ((magnitude & 0x3f) << 1) | sign;
    if (magnitude < 0x40) {
      this.#buffer[this.#length++] = first;
    } else {
      this.#buffer[this.#length++] = first | 0x80;
      this.#varint(Math.floor(magnitude / 0x40));
    }
  }

  /**
   * A finite number, exactly: an integer within 2^53 as 0 and `signed`, any other as 1 and its eight bytes. The sign
   * of -0 is lost.
   */
  number(value: number): void {
    if (Number.isSafeInteger(value)) {
      this.unsigned(0);
      this.signed(value);
      return;
    }
    invariant(Number.isFinite(value), 'a finite number is needed');
    this.unsigned(1);
    this.#reserve(8);
    this.#length = this.#buffer.writeDoubleBE(value, this.#length);
  }

  /**
   * A list of well-formed strings (no lone surrogate), as all strings decoded from Avro are: how many, the length of
   * each in UTF-16 units, then all characters as one run. Decoding one string costs as much as cutting eight from it.
   */
  strings(values: readonly string[]): void {
    // equivalent mutant (off by one): more room than is needed
    this.#reserve(16 + 8 * values.length);
    this.#varint(values.length);
    for (const value of values) this.#varint(value.length);
    const characters = values.join('');
    const bytes = Buffer.byteLength(characters);
    this.#varint(bytes);
    this.#reserve(bytes);
    this.#length += this.#buffer.write(characters, this.#length, 'utf8');
  }

  take(): Buffer {
    const bytes = Buffer.allocUnsafe(this.#length);
    this.#buffer.copy(bytes, 0, 0, this.#length);
    this.#length = 0;
    return bytes;
  }

  /** Forgets what was written: after an exception half a state must not stand before the next one. */
  reset(): void {
    this.#length = 0;
  }

  #varint(value: number): void {
    this.#length = writeUnsigned(this.#buffer, this.#length, value);
  }

  #reserve(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(2 * this.#buffer.length, this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }
}

/** Where the strings of a list end, in UTF-16 units: one for all readers of a thread, since a list is read at once. */
let ends = new Uint32Array(64);

/** Reads what a CanonicalWriter wrote. Anything else throws MR_FEATURES_STATE_MALFORMED. */
export class CanonicalReader {
  readonly #buffer: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#buffer = bytes;
  }

  unsigned(): number {
    const first = this.#byte();
    return first < 0x80 ? first : this.#rest(first & 0x7f, 0x80);
  }

  signed(): number {
    const first = this.#byte();
    const low = (first & 0x7f) >> 1;
    const magnitude = first < 0x80 ? low : this.#rest(low, 0x40);
    return (first & 1) === 0 ? magnitude : -magnitude - 1;
  }

  number(): number {
    const form = this.unsigned();
    this.require(form <= 1, 'a number in an unknown form');
    if (form === 0) return this.signed();
    this.require(this.#at + 8 <= this.#buffer.length, 'a number cut off');
    const value = this.#buffer.readDoubleBE(this.#at);
    this.#at += 8;
    this.require(Number.isFinite(value) && !Number.isSafeInteger(value), 'a double that is no fraction');
    return value;
  }

  strings(): string[] {
    const count = this.unsigned();
    this.require(count <= this.#buffer.length - this.#at, 'more strings announced than there are bytes');
    if (count > ends.length) ends = new Uint32Array(2 * count);
    let units = 0;
    for (let i = 0; i < count; i++) {
      units += this.unsigned();
      ends[i] = units;
    }
    const bytes = this.unsigned();
    this.require(bytes <= this.#buffer.length - this.#at, 'characters cut off');
    const characters = this.#characters(this.#at + bytes);
    this.require(characters.length === units, 'lengths that do not add up');
    const values = new Array<string>(count);
    let start = 0;
    for (let i = 0; i < count; i++) {
      const end = ends[i] as number;
      values[i] = characters.slice(start, end);
      start = end;
    }
    return values;
  }

  /** For a decoder that finds values that its encoder would never have written. */
  require(condition: boolean, what: string): void {
    if (!condition) throw malformed(`${what} before byte ${this.#at}`);
  }

  /** To be called after the last value. */
  end(): void {
    if (this.#at !== this.#buffer.length) throw malformed(`${this.#buffer.length - this.#at} bytes too many`);
  }

  /** Text up to `end`, by the faster way of plain ASCII where it is nothing else. */
  #characters(end: number): string {
    const start = this.#at;
    this.#at = end;
    for (let i = start; i < end; i++) {
      if ((this.#buffer[i] as number) < 0x80) continue;
      // What is not UTF-8 would be read as U+FFFD, and written again as other bytes.
      this.require(isUtf8(this.#buffer.subarray(i, end)), 'text that is not UTF-8');
      return this.#buffer.toString('utf8', start, end);
    }
    return this.#buffer.toString('latin1', start, end);
  }

  /** The rest of a varint: its next bits are worth `unit`. */
  #rest(low: number, unit: number): number {
    let value = low;
    let scale = unit;
    for (;;) {
      const byte = this.#byte();
      value += (byte & 0x7f) * scale;
      if (value > Number.MAX_SAFE_INTEGER) throw malformed('an integer exceeds 2^53');
      if (byte < 0x80) {
        if (byte === 0) throw malformed('an integer is written longer than needed');
        return value;
      }
      scale *= 0x80;
    }
  }

  #byte(): number {
    const byte = this.#buffer[this.#at];
    if (byte === undefined) throw malformed('it is cut off');
    this.#at++;
    return byte;
  }
}
