/**
 * Seeded randomness. `hash` turns a seed and a few integers into 32 bits, so that what belongs to an agent can be
 * derived again at any time and need not be kept; `Random` is a stream of numbers started from such a hash.
 */

/** Mixes one integer into a hash (multiply and xor-shift, constants of xxHash32). */
function mix(state: number, value: number): number {
  let h = Math.imul((state ^ value) + 0x9e3779b1, 0x85ebca77);
  h = Math.imul(h ^ (h >>> 15), 0xc2b2ae3d);
  return h ^ (h >>> 13);
}

/** 32 bits for a seed and up to three integers. */
export function hash(seed: number, a: number, b = 0, c = 0): number {
  const low = mix(0, seed | 0);
  return mix(mix(mix(mix(low, Math.floor(seed / 0x1_0000_0000)), a), b), c) >>> 0;
}

/** sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, quick to restart. */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #counter = 1;

  constructor(seed: number) {
    this.restart(seed);
  }

  /** Begins the stream of another seed (32 bits), without a new object. */
  restart(seed: number): void {
    this.#a = mix(seed, 1);
    this.#b = mix(seed, 2);
    this.#c = mix(seed, 3);
    this.#counter = 1;
    for (let round = 0; round < 8; round++) this.bits();
  }

  /** 32 random bits as an unsigned integer. */
  bits(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  next(): number {
    return this.bits() * 2 ** -32;
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Uniform in [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** A uniform integer in [0, count). */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  /** Normal with mean 0 and deviation 1 (Box and Muller). */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }

  pick<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }

  /** An index with probability proportional to its weight. */
  weighted(weights: ArrayLike<number>): number {
    let total = 0;
    for (let i = 0; i < weights.length; i++) total += weights[i] as number;
    let rest = this.next() * total;
    for (let i = 0; i < weights.length - 1; i++) {
      rest -= weights[i] as number;
      if (rest < 0) return i;
    }
    return weights.length - 1;
  }
}

/** Running sums of weights, for draws from a prefix of them. */
export function cumulative(weights: ArrayLike<number>): Float64Array {
  const sums = new Float64Array(weights.length);
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    total += weights[i] as number;
    sums[i] = total;
  }
  return sums;
}

/** An index below `count` with probability proportional to its weight, given the running sums; -1 when count is 0. */
export function drawFromPrefix(random: Random, sums: Float64Array, count: number): number {
  if (count === 0) return -1;
  return countUpTo(sums, random.next() * (sums[count - 1] as number), count - 1);
}

/** How many of the first `count` ascending values are at or below `limit`. */
export function countUpTo(ascending: Float64Array, limit: number, count = ascending.length): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
