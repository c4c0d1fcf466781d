import { damaged } from './format.ts';

/** Takes values off the front of a file, little-endian. Every method throws MR_INDEX_CORRUPT where the file is too short. */
export class ByteReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  letters(what: string): string {
    return this.#take(4, what).toString('latin1');
  }

  byte(what: string): number {
    return this.#take(1, what).readUInt8();
  }

  int32(what: string): number {
    return this.#take(4, what).readInt32LE();
  }

  int64(what: string): bigint {
    return this.#take(8, what).readBigInt64LE();
  }

  skip(bytes: number, what: string): void {
    this.#take(bytes, what);
  }

  /** A number of things that take this many bytes each of what is left; 0 for those that take none. */
  count(what: string, bytesEach: number): number {
    const count = this.#take(8, what).readBigUInt64LE();
    if (count * BigInt(bytesEach) > this.left) {
      throw damaged(`${count} ${what} of ${bytesEach} bytes, and ${this.left} bytes are left`);
    }
    return Number(count);
  }

  int64s(count: number, what: string): BigInt64Array {
    return new BigInt64Array(this.#copy(count * 8, what));
  }

  floats(count: number, what: string): Float32Array {
    return new Float32Array(this.#copy(count * 4, what));
  }

  /** A copy: in a file, numbers lie anywhere; in an array, at multiples of their size. */
  #copy(bytes: number, what: string): ArrayBuffer {
    return new Uint8Array(this.#take(bytes, what)).buffer;
  }

  #take(bytes: number, what: string): Buffer {
    if (bytes > this.left) throw damaged(`it ends within ${what}`);
    this.#at += bytes;
    return this.#bytes.subarray(this.#at - bytes, this.#at);
  }
}
