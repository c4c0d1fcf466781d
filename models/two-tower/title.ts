/** Values that n-grams of titles are hashed to. Two that fall together share an embedding. */
export const TITLE_BUCKETS = 8192;

const GRAM_LENGTH = 3;

/**
 * What a title is read as: its words, then the n-grams of three characters of each word with its ends marked, by their
 * hash, each once: 0 .. TITLE_BUCKETS - 1. So titles that share a word or a stem are near each other, in any language,
 * without a dictionary (Bojanowski et al. 2017). Case and diacritics make no difference.
 */
export function titleGrams(title: string): number[] {
  const plain = title.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase();
  const words = plain.match(/[\p{L}\p{N}]+/gu) ?? [];
  const grams = words.flatMap((word) => {
    const letters = [...`<${word}>`];
    const starts = Math.max(0, letters.length - GRAM_LENGTH + 1);
    return Array.from({ length: starts }, (_, i) => letters.slice(i, i + GRAM_LENGTH).join(''));
  });
  return [...new Set([...words, ...grams].map((text) => hash(text) % TITLE_BUCKETS))];
}

/** FNV-1a, 32 bits, over the UTF-8 bytes. */
function hash(text: string): number {
  let value = 0x811c9dc5;
  for (const byte of Buffer.from(text)) value = Math.imul(value ^ byte, 0x01000193);
  return value >>> 0;
}
