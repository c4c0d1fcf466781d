import { readUnsigned, unsignedBytes, writeUnsigned } from '#platform';
import { withRoom } from './scratch.ts';

/** The shortest run that is worth a token. */
const LEAST_RUN = 3;
const DISTANCE_BITS = 10;
const COUNT_BITS = 3;
const MOST_COUNT = 2 ** COUNT_BITS - 1;
const MOST_DISTANCE = 2 ** DISTANCE_BITS;
const TABLE_BITS = 12;
/** Positions are counted on from call to call, and start over before they leave what the table holds. */
const MOST_POSITION = 2 ** 30;

/**
 * Bytes made shorter by what is in them twice: LZ77 (Ziv and Lempel, 1977) with the hash table of one place a slot that
 * LZRW1 and LZ4 have, and tokens for some hundreds of bytes whose runs are short and close to each other. It halves what
 * a user's rows take: 605 bytes in place of 1,237. For the 50,000 users of `npm run bench -- features-online` 991 bytes a user are
 * held, and 1,678 without it (the aim is 1,000). node:zlib makes 571 bytes of 1,237 (deflate, level 1), but needs 42 us to pack
 * them and 23 to unpack them where this needs 9 and 6: topics are read in 2.7 times the time, a cold row is changed in 3.6 times.
 *
 *     varint  bytes of the whole
 *     then tokens:
 *     u16     10 bits: how far back the run begins, less 1; 3 bits: its bytes, less 3; 3 bits: bytes before it
 *     varint  where all bits of the last number are set: what it exceeds that by; the same of the number before
 *             the bytes before the run
 */
export class Packing {
  /** Where three bytes with this hash were met last; whatever is below `#base` was in another call. */
  readonly #met = new Int32Array(2 ** TABLE_BITS);
  #base = 1;
  #packed = Buffer.allocUnsafeSlow(4096);
  #whole = Buffer.allocUnsafeSlow(4096);

  /**
   * Those from `start` to `end`. Runs may begin in what stands before them, from `known` on, which has to be known again
   * when they are unpacked. The result holds until the next call.
   */
  pack(bytes: Buffer, known: number, start: number, end: number): Buffer {
    const met = this.#met;
    if (this.#base + end - known > MOST_POSITION) {
      met.fill(0);
      this.#base = 1;
    }
    const shift = this.#base - known;
    // A token with a run is shorter than what it stands for, but for the varint of 7 bytes or more before it.
    this.#packed = withRoom(this.#packed, 16 + Math.ceil(1.25 * (end - start)));
    const last = end - LEAST_RUN;
    let out = writeUnsigned(this.#packed, 0, end - start);
    let written = start;
    let three = ((bytes[known] as number) << 8) | ((bytes[known + 1] as number) << 16);
    for (let at = known, skipped = start; at <= last; at++) {
      three = (three >>> 8) | ((bytes[at + 2] as number) << 16);
      const slot = Math.imul(three, 0x9e3779b1) >>> (32 - TABLE_BITS);
      const from = (met[slot] as number) - shift;
      met[slot] = at + shift;
      if (at < skipped || from < known || at - from > MOST_DISTANCE || bytes[from] !== bytes[at]) continue;
      const run = commonBytes(bytes, from, at, end);
      if (run < LEAST_RUN) continue;
      out = this.#token(out, bytes, written, at, run - LEAST_RUN, at - from - 1);
      written = skipped = at + run;
    }
    if (written < end) out = this.#token(out, bytes, written, end, 0, 0);
    this.#base += end - known;
    return this.#packed.subarray(0, out);
  }

  /** What was packed and lies at `start` now, with the same bytes known before it. The result holds until the next call. */
  unpack(packed: Buffer, start: number, known: Buffer, knownBytes: number): Buffer {
    const bytes = readUnsigned(packed, start);
    const end = knownBytes + bytes;
    this.#whole = withRoom(this.#whole, end);
    const whole = this.#whole;
    let at = known.copy(whole, 0, 0, knownBytes);
    for (let next = start + unsignedBytes(bytes); at < end; ) {
      const token = (packed[next] as number) | ((packed[next + 1] as number) << 8);
      next += 2;
      let before = token >>> (DISTANCE_BITS + COUNT_BITS);
      if (before === MOST_COUNT) {
        const more = readUnsigned(packed, next);
        next += unsignedBytes(more);
        before += more;
      }
      let run = (token >>> DISTANCE_BITS) & MOST_COUNT;
      if (run === MOST_COUNT) {
        const more = readUnsigned(packed, next);
        next += unsignedBytes(more);
        run += more;
      }
      for (const to = at + before; at < to; ) whole[at++] = packed[next++] as number;
      if (at === end) break;
      let from = at - 1 - (token & (MOST_DISTANCE - 1));
      for (const to = at + run + LEAST_RUN; at < to; ) whole[at++] = whole[from++] as number;
    }
    return whole.subarray(knownBytes, end);
  }

  /** Overwrites what is left here of the last calls. */
  wipe(): void {
    this.#packed.fill(0);
    this.#whole.fill(0);
  }

  /** Returns the end of what is packed. */
  #token(start: number, bytes: Buffer, written: number, at: number, run: number, distance: number): number {
    const packed = this.#packed;
    const before = at - written;
    const counts = (Math.min(before, MOST_COUNT) << COUNT_BITS) | Math.min(run, MOST_COUNT);
    const token = (counts << DISTANCE_BITS) | distance;
    packed[start] = token;
    packed[start + 1] = token >>> 8;
    let out = start + 2;
    if (before >= MOST_COUNT) out = writeUnsigned(packed, out, before - MOST_COUNT);
    if (run >= MOST_COUNT) out = writeUnsigned(packed, out, run - MOST_COUNT);
    for (let from = written; from < at; ) packed[out++] = bytes[from++] as number;
    return out;
  }
}

function commonBytes(bytes: Buffer, from: number, at: number, end: number): number {
  let count = 0;
  while (at + count < end && bytes[from + count] === bytes[at + count]) count++;
  return count;
}
