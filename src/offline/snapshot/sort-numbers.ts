/**
 * Radix sort of a column, by the bits of its numbers: a third to a fifth of the time of the sort by comparison that
 * Float64Array has. (Knuth, The Art of Computer Programming, 5.2.5; that doubles can be compared as integers when the bits
 * of negative ones are turned over is Herf, "Radix Tricks", 2001.)
 */

const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
/** Where each digit begins in a word of 32 bits; a number has a low word and a high one. */
const shifts = [0, DIGIT_BITS, 2 * DIGIT_BITS] as const;
const SIGN = 0x8000_0000;

/** For each digit how often it has each value, over all numbers. Reused by every sort. */
const counts = Array.from({ length: 2 * shifts.length }, () => new Uint32Array(DIGITS));

/** Sorts numbers, none of which is NaN, in place. -0 comes before 0. */
export function sortNumbers(numbers: Float64Array<ArrayBuffer>): void {
  const own = new Uint32Array(numbers.buffer, numbers.byteOffset, 2 * numbers.length);
  toIntegers(own);
  let from: Uint32Array = own;
  let to: Uint32Array = new Uint32Array(own.length);
  for (const [digit, counted] of countDigits(own).entries()) {
    const word = digit < shifts.length ? 0 : 1;
    const shift = shifts[digit % shifts.length] as number;
    if (isSame(counted, numbers.length)) continue;
    moveByDigit(from, to, word, shift, counted);
    [from, to] = [to, from];
  }
  toNumbers(from, own);
}

/** Integers without a sign that lie as the numbers do. */
function toIntegers(words: Uint32Array): void {
  for (let i = 0; i < words.length; i += 2) {
    const high = words[i + 1] as number;
    const isNegative = (high | 0) >> 31;
    words[i] = (words[i] as number) ^ isNegative;
    words[i + 1] = high ^ (isNegative | SIGN);
  }
}

function toNumbers(from: Uint32Array, to: Uint32Array): void {
  for (let i = 0; i < from.length; i += 2) {
    const high = from[i + 1] as number;
    const isNegative = ~((high | 0) >> 31);
    to[i] = (from[i] as number) ^ isNegative;
    to[i + 1] = high ^ (isNegative | SIGN);
  }
}

function countDigits(words: Uint32Array): readonly Uint32Array[] {
  for (const each of counts) each.fill(0);
  const [a, b, c, d, e, f] = counts as [
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
    Uint32Array,
  ];
  const mask = DIGITS - 1;
  for (let i = 0; i < words.length; i += 2) {
    const low = words[i] as number;
    const high = words[i + 1] as number;
    increment(a, low & mask);
    increment(b, (low >>> shifts[1]) & mask);
    increment(c, low >>> shifts[2]);
    increment(d, high & mask);
    increment(e, (high >>> shifts[1]) & mask);
    increment(f, high >>> shifts[2]);
  }
  return counts;
}

function increment(counted: Uint32Array, value: number): void {
  counted[value] = (counted[value] as number) + 1;
}

/** Whether all numbers have the same digit, as whole numbers have in most places. */
function isSame(counted: Uint32Array, length: number): boolean {
  return counted.includes(length);
}

function moveByDigit(
  from: Uint32Array,
  to: Uint32Array,
  word: number,
  shift: number,
  counted: Uint32Array,
): void {
  // Where the next number of each digit goes.
  let sum = 0;
  for (let value = 0; value < DIGITS; value++) {
    const count = counted[value] as number;
    counted[value] = sum;
    sum += count;
  }
  for (let i = 0; i < from.length; i += 2) {
    const value = ((from[i + word] as number) >>> shift) & (DIGITS - 1);
    const at = counted[value] as number;
    counted[value] = at + 1;
    to[2 * at] = from[i] as number;
    to[2 * at + 1] = from[i + 1] as number;
  }
}
