const MOST_BYTES = 40;
/** What tells most texts apart stands at their end: numbered ids begin alike. */
const HASHED_BYTES = 8;

/**
 * Texts met lately, by their bytes: decoding one of them again costs a comparison, which is less than half of what a native
 * call and a new object do, and what is kept of it shares the memory. A slot holds the last text that fell into it.
 */
export class TextPool {
  readonly #texts: string[];
  readonly #shift: number;

  /** 2 to the power of `bits` texts, of 40 bytes at most. */
  constructor(bits: number) {
    this.#texts = new Array<string>(1 << bits).fill('');
    this.#shift = 32 - bits;
  }

  /** The UTF-8 text from `start` to `end`. */
  text(bytes: Buffer, start: number, end: number): string {
    const length = end - start;
    if (length > MOST_BYTES) return bytes.toString('utf8', start, end);
    let hash = length;
    for (let i = Math.max(start, end - HASHED_BYTES); i < end; i++) {
      hash = Math.imul(hash, 0x01000193) ^ (bytes[i] as number);
    }
    const slot = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> this.#shift;
    const known = this.#texts[slot] as string;
    if (isAscii(known, bytes, start, length)) return known;
    const text = bytes.toString('utf8', start, end);
    this.#texts[slot] = text;
    return text;
  }
}

/** Whether the bytes are the text's, one each: so that no text of another script is taken for one. */
function isAscii(text: string, bytes: Buffer, start: number, length: number): boolean {
  if (text.length !== length) return false;
  for (let i = 0; i < length; i++) {
    const unit = text.charCodeAt(i);
    if (unit !== bytes[start + i] || unit > 0x7f) return false;
  }
  return true;
}
