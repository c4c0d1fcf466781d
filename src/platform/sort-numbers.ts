/**
 * Radix sort of numbers by their bits: a third to a fifth of the time of the sort by comparison that typed arrays have.
 * (Knuth, The Art of Computer Programming, 5.2.5; that floating-point numbers can be compared as integers when the bits of
 * negative ones are turned over is Herf, "Radix Tricks", 2001.)
 */

const DIGIT_BITS = 11;
const DIGITS = 2 ** DIGIT_BITS;
/** Where each digit begins in a word of 32 bits. A double has a low word and a high one. */
const shifts = [0, DIGIT_BITS, 2 * DIGIT_BITS] as const;
const SIGN = 0x8000_0000;

/** For each digit of a word how often it has each value, over all numbers. Reused by every sort. */
const counts = shifts.map(() => new Uint32Array(DIGITS));

/** Sorts numbers, none of which is NaN, in place. -0 comes before 0. */
export function sortNumbers(numbers: Float64Array<ArrayBuffer> | Float32Array<ArrayBuffer>): void {
  const { buffer, byteOffset, byteLength, length } = numbers;
  const own = new Uint32Array(buffer, byteOffset, byteLength / Uint32Array.BYTES_PER_ELEMENT);
  const width = numbers.BYTES_PER_ELEMENT / Uint32Array.BYTES_PER_ELEMENT;
  toIntegers(own, width);
  let from: Uint32Array = own;
  let to: Uint32Array = new Uint32Array(own.length);
  for (let word = 0; word < width; word++) {
    for (const [digit, counted] of countDigits(from, word, width).entries()) {
      if (isSame(counted, length)) continue;
      moveByDigit(from, to, { word, width, shift: shifts[digit] as number }, counted);
      [from, to] = [to, from];
    }
  }
  toNumbers(from, own, width);
}

/** Integers without a sign that lie as the numbers do. */
function toIntegers(words: Uint32Array, width: number): void {
  for (let i = width - 1; i < words.length; i += width) {
    const high = words[i] as number;
    const isNegative = (high | 0) >> 31;
    if (width === 2) words[i - 1] = (words[i - 1] as number) ^ isNegative;
    words[i] = high ^ (isNegative | SIGN);
  }
}

function toNumbers(from: Uint32Array, to: Uint32Array, width: number): void {
  for (let i = width - 1; i < from.length; i += width) {
    const high = from[i] as number;
    const isNegative = ~((high | 0) >> 31);
    if (width === 2) to[i - 1] = (from[i - 1] as number) ^ isNegative;
    to[i] = high ^ (isNegative | SIGN);
  }
}

function countDigits(words: Uint32Array, word: number, width: number): readonly Uint32Array[] {
  for (const each of counts) each.fill(0);
  const [a, b, c] = counts as [Uint32Array, Uint32Array, Uint32Array];
  const mask = DIGITS - 1;
  for (let i = word; i < words.length; i += width) {
    const bits = words[i] as number;
    increment(a, bits & mask);
    increment(b, (bits >>> shifts[1]) & mask);
    increment(c, bits >>> shifts[2]);
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

type Digit = { readonly word: number; readonly width: number; readonly shift: number };

function moveByDigit(
  from: Uint32Array,
  to: Uint32Array,
  { word, width, shift }: Digit,
  counted: Uint32Array,
): void {
  // Where the next number of each digit goes.
  let sum = 0;
  for (let value = 0; value < DIGITS; value++) {
    const count = counted[value] as number;
    counted[value] = sum;
    sum += count;
  }
  for (let i = 0; i < from.length; i += width) {
    const value = ((from[i + word] as number) >>> shift) & (DIGITS - 1);
    const at = counted[value] as number;
    counted[value] = at + 1;
    to[width * at] = from[i] as number;
    if (width === 2) to[2 * at + 1] = from[i + 1] as number;
  }
}
