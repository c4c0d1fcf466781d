/**
 * Vectors as integers (scalar quantisation): a vector is about its codes times a scale. Scores of codes are cheap and
 * come with a bound of their error, so that a row whose bound stays below a threshold is left out without any doubt.
 *
 * With x = s c + e and q = t d + r (c and d codes, e and r what they miss), q.x <= (t d).(s c) + |q||e| + |r||x|.
 */
import { BLOCK_ROWS } from '../kernel/port.ts';
import type { Metric } from '../port.ts';

const LARGEST_CODE = 127;
/** Below it, scales would be rounded too coarsely; such queries are not screened. */
const LEAST_QUERY = 1e-30;
const ULP = 2 ** -24;
const LEAST_FLOAT = 2 ** -149;

/** Relative error of a float32 score and of its bound, by rounding. */
const roundingOf = (dim: number): number => (dim / 4 + 16) * ULP;

/** Products of such a code with bytes, added up, fit 32 bits. */
const largestQueryCode = (dim: number): number =>
  Math.min(32_767, Math.floor((2 ** 31 - 1) / (LARGEST_CODE * (dim + 1))));

/** At least the value, as a float32: among subnormal ones, a share of it may be less than the distance to the next one. */
const roundUp = (value: number): number => Math.fround(value * (1 + 2 ** -22) + LEAST_FLOAT);

/** The floats that `screen` has for each row. */
export type RowBounds = { readonly scale: number; readonly slack: number; readonly bound: number };

/** Writes the codes of a row of a block to `codes`, two for each pair of numbers, from `at` on. */
export function encodeRow(vector: Float32Array, metric: Metric, codes: Int8Array, at: number): RowBounds {
  const dim = vector.length;
  let largest = 0;
  let squares = 0;
  for (let d = 0; d < dim; d++) {
    const value = vector[d] as number;
    const size = Math.abs(value);
    if (size > largest) largest = size;
    squares += value * value;
  }
  const scale = Math.fround(largest / LARGEST_CODE);
  let missed = 0;
  for (let d = 0; d < dim; d++) {
    const value = vector[d] as number;
    const code = scale === 0 ? 0 : Math.max(-LARGEST_CODE, Math.min(LARGEST_CODE, Math.round(value / scale)));
    codes[at + (d >> 1) * 2 * BLOCK_ROWS + (d & 1)] = code;
    const gap = value - scale * code;
    missed += gap * gap;
  }
  const ofQuery = Math.sqrt(dim) / (2 * largestQueryCode(dim));
  const slack = roundUp(Math.sqrt(missed) + (1.01 * ofQuery + roundingOf(dim)) * Math.sqrt(squares));
  // Half of -|q - x|^2 = 2 q.x - |x|^2 - |q|^2, whose last part is in the threshold.
  const bound = metric === 'l2' ? Math.fround((-squares / 2) * (1 - 4 * roundingOf(dim))) : 0;
  return { scale, slack, bound };
}

/** A query as `screen` takes it. */
export class EncodedQuery {
  scale = 0;
  slack = 0;
  readonly #metric: Metric;
  readonly #range: number;
  readonly #rounding: number;
  #squares = 0;
  #isScreened = false;

  constructor(dim: number, metric: Metric) {
    this.#metric = metric;
    this.#range = largestQueryCode(dim);
    this.#rounding = roundingOf(dim);
  }

  /** Takes the place of the query before, and writes its codes from `at` on. */
  encode(query: Float32Array, codes: Int16Array, at: number): void {
    const dim = query.length;
    let largest = 0;
    let squares = 0;
    for (let d = 0; d < dim; d++) {
      const value = query[d] as number;
      largest = Math.max(largest, Math.abs(value));
      squares += value * value;
    }
    this.scale = Math.fround(largest / this.#range);
    this.slack = roundUp(Math.sqrt(squares));
    this.#isScreened = largest >= LEAST_QUERY;
    // None of them rounds beyond the range: the largest is it, but for the rounding of the scale.
    const perScale = 1 / this.scale;
    if (this.#isScreened)
      for (let d = 0; d < dim; d++) codes[at + d] = Math.round((query[d] as number) * perScale);
    this.#squares = squares;
  }

  /** What bounds are compared with to leave out no row with a score of `least`. */
  threshold(least: number): number {
    if (!this.#isScreened) return Number.NEGATIVE_INFINITY;
    const wanted =
      this.#metric === 'l2' ? (least + this.#squares) / 2 - 4 * this.#rounding * this.#squares : least;
    return wanted - Math.abs(wanted) * 2 ** -22 - LEAST_QUERY;
  }
}
