import { hash } from 'node:crypto';

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
      const sum = (this.#words[i] as number) + (entry[i] as number) + carry;
      this.#words[i] = sum;
      carry = sum > 0xffffffff ? 1 : 0;
    }
  }

  subtract(entry: EntryHash): void {
    let borrow = 0;
    for (let i = 0; i < WORDS; i++) {
      const difference = (this.#words[i] as number) - (entry[i] as number) - borrow;
      this.#words[i] = difference;
      borrow = difference < 0 ? 1 : 0;
    }
  }

  clear(): void {
    this.#words.fill(0);
  }

  set(other: Digest): void {
    this.#words.set(other.#words);
  }

  /** 32 hexadecimal digits. */
  toString(): string {
    return Array.from(this.#words, (word) => word.toString(16).padStart(8, '0')).join('');
  }
}

export type EntryHash = Uint32Array;

/**
 * Hash of one entry. The schema is named by its fingerprint and never by a registry's id, so that copies on
 * different clusters compare equal.
 */
export function entryHash(key: Buffer, value: Buffer, fingerprint: Buffer): EntryHash {
  const length = Buffer.allocUnsafe(4);
  length.writeUInt32BE(key.length);
  const bytes = hash('sha256', Buffer.concat([length, key, fingerprint, value]), 'buffer');
  const words = new Uint32Array(WORDS);
  for (let i = 0; i < WORDS; i++) words[i] = bytes.readUInt32LE(i * 4);
  return words;
}
