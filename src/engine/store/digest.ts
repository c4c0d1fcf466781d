import { textRoom, writeText } from '#log';
import { murmur3, Words128 } from './murmur3.ts';

const WORDS = 4;
const MAX_WORD = 0xffffffff;

/**
 * Stands before the fingerprint that is kept with a digest, in hexadecimal: digests of another kind are recreated where the
 * rows are at hand, and otherwise not compared. The first kind, without a mark, was made of SHA-256.
 */
export const DIGEST_KIND = '02';

/**
 * Order-independent digest of a set of entries: the sum modulo 2^128 of a hash of each (AdHash, Bellare and
 * Micciancio 1997). Adding and removing an entry are one addition each, so a store keeps its digest up as it
 * changes, and two stores with the same entries have the same digest whatever their histories.
 */
export class Digest {
  /** Little-endian 32-bit words. */
  readonly #words = new Uint32Array(WORDS);

  static fromHex(hex: string): Digest {
    const digest = new Digest();
    for (let i = 0; i < WORDS; i++) digest.#words[i] = Number.parseInt(hex.slice(i * 8, i * 8 + 8), 16);
    return digest;
  }

  add({ first, second, third, fourth }: EntryHash): void {
    const words = this.#words;
    // Each sum of unsigned 32-bit words is exact; storing it keeps its lowest 32 bits.
    const sum0 = (words[0] as number) + (first >>> 0);
    const sum1 = (words[1] as number) + (second >>> 0) + (sum0 > MAX_WORD ? 1 : 0);
    const sum2 = (words[2] as number) + (third >>> 0) + (sum1 > MAX_WORD ? 1 : 0);
    words[0] = sum0;
    words[1] = sum1;
    words[2] = sum2;
    words[3] = (words[3] as number) + fourth + (sum2 > MAX_WORD ? 1 : 0);
  }

  subtract({ first, second, third, fourth }: EntryHash): void {
    const words = this.#words;
    const difference0 = (words[0] as number) - (first >>> 0);
    const difference1 = (words[1] as number) - (second >>> 0) - (difference0 < 0 ? 1 : 0);
    const difference2 = (words[2] as number) - (third >>> 0) - (difference1 < 0 ? 1 : 0);
    words[0] = difference0;
    words[1] = difference1;
    words[2] = difference2;
    words[3] = (words[3] as number) - fourth - (difference2 < 0 ? 1 : 0);
  }

  clear(): void {
    this.#words.fill(0);
  }

  /** Whether it is that of a store without entries. */
  get isEmpty(): boolean {
    return this.#words.every((word) => word === 0);
  }

  set(other: Digest): void {
    this.#words.set(other.#words);
  }

  /** 32 hexadecimal digits. */
  toString(): string {
    return Array.from(this.#words, (word) => word.toString(16).padStart(8, '0')).join('');
  }
}

/** The hash of one entry; the caller may have the next one overwrite it. */
export type EntryHash = Words128;

const KEY_AT = 4;

/** What is hashed is put together here, once the largest entry has been seen without an allocation. */
let scratch = Buffer.allocUnsafeSlow(4096);
let view = new DataView(scratch.buffer);

/**
 * Hash of one entry, whose key begins at `keyStart` and whose value behind `framing` bytes. The schema is named by its fingerprint and never by
 * a registry's id, so that copies on different clusters compare equal.
 */
export function entryHash(
  key: Buffer,
  value: Buffer,
  fingerprint: Buffer,
  framing = 0,
  keyStart = 0,
): EntryHash {
  reserve(key.length + fingerprint.length + value.length);
  const keyEnd = KEY_AT + key.copy(scratch, KEY_AT, keyStart);
  return hashBehind(keyEnd, value, framing, value.length, fingerprint, new Words128());
}

/** As `entryHash`, of a key that is text and a value that lies among others, without its framing; written to `into`. */
export function textEntryHash(
  key: string,
  bytes: Buffer,
  start: number,
  end: number,
  fingerprint: Buffer,
  into: EntryHash = new Words128(),
): EntryHash {
  reserve(textRoom(key) + fingerprint.length + end - start);
  return hashBehind(writeText(scratch, KEY_AT, key), bytes, start, end, fingerprint, into);
}

function reserve(bytes: number): void {
  // equivalent mutant (boundary): room that just suffices may as well grow
  if (KEY_AT + bytes <= scratch.length) return;
  scratch = Buffer.allocUnsafeSlow(2 * (KEY_AT + bytes));
  view = new DataView(scratch.buffer);
}

/** The key lies in the scratch. */
function hashBehind(
  keyEnd: number,
  bytes: Buffer,
  start: number,
  end: number,
  fingerprint: Buffer,
  into: EntryHash,
): EntryHash {
  view.setUint32(0, keyEnd - KEY_AT);
  const valueAt = keyEnd + fingerprint.copy(scratch, keyEnd);
  const length = valueAt + bytes.copy(scratch, valueAt, start, end);
  return murmur3(view, length, 0, into);
}
