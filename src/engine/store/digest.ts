import { hash } from 'node:crypto';
import { textRoom, writeText } from '../log/text-bytes.ts';

const WORDS = 4;

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

  add(entry: EntryHash): void {
    let carry = 0;
    for (let i = 0; i < WORDS; i++) {
      const sum = (this.#words[i] as number) + word(entry, i) + carry;
      this.#words[i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }

  subtract(entry: EntryHash): void {
    let borrow = 0;
    for (let i = 0; i < WORDS; i++) {
      const difference = (this.#words[i] as number) - word(entry, i) - borrow;
      this.#words[i] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
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

/**
 * Bytes as characters of the same code: the one form of a result for which node:crypto makes no object of its own. All
 * 32 of them, since reading through a slice is slower; the first 16 count.
 */
export type EntryHash = string;

/** Little-endian 32-bit word `i` of a hash. */
function word(entry: EntryHash, i: number): number {
  const at = 4 * i;
  const high = (entry.charCodeAt(at + 3) << 24) >>> 0;
  return high + (entry.charCodeAt(at) | (entry.charCodeAt(at + 1) << 8) | (entry.charCodeAt(at + 2) << 16));
}

/** What is hashed is put together here, once the largest entry has been seen without an allocation. */
let scratch = Buffer.allocUnsafeSlow(4096);
/** The beginnings of it, by their length: to make one costs a quarter of a hash. */
let beginnings: Buffer[] = [];

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
  return hashBehind(keyEnd, value, framing, value.length, fingerprint);
}

/** As `entryHash`, of a key that is text and a value that lies among others, without its framing. */
export function textEntryHash(
  key: string,
  bytes: Buffer,
  start: number,
  end: number,
  fingerprint: Buffer,
): EntryHash {
  reserve(textRoom(key) + fingerprint.length + end - start);
  return hashBehind(writeText(scratch, KEY_AT, key), bytes, start, end, fingerprint);
}

const KEY_AT = 4;

function reserve(bytes: number): void {
  if (KEY_AT + bytes <= scratch.length) return;
  scratch = Buffer.allocUnsafeSlow(2 * (KEY_AT + bytes));
  beginnings = [];
}

/** The key lies in the scratch. */
function hashBehind(
  keyEnd: number,
  bytes: Buffer,
  start: number,
  end: number,
  fingerprint: Buffer,
): EntryHash {
  scratch.writeUInt32BE(keyEnd - KEY_AT);
  const valueAt = keyEnd + fingerprint.copy(scratch, keyEnd);
  const length = valueAt + bytes.copy(scratch, valueAt, start, end);
  // 'latin1': 0.4 us; as a buffer, 0.9.
  beginnings[length] ??= scratch.subarray(0, length);
  return hash('sha256', beginnings[length] as Buffer, 'latin1');
}
