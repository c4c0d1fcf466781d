import type { Candidate } from '../candidates/candidate.ts';
import type { OrderContext } from './port.ts';

/** Vectors that are compared with one at a time: sums do not wait for each other then. */
const AT_ONCE = 4;

/** Vectors of length 1, one after another: those of one answer, which are written and compared within one turn. */
let units = new Float32Array(0);

/**
 * How alike items are, from 0 to 1: the cosine of their vectors, where items that point apart are no more different than
 * unrelated ones; or where one has no vector, whether both have the same category. One at a time is in use.
 */
export class Similarities {
  readonly #items: readonly Candidate[];
  readonly #context: OrderContext;
  readonly #dim: number;
  /** By place: whether the vector was looked up, and whether there is one. */
  readonly #isKnown: Uint8Array;
  readonly #hasVector: Uint8Array;

  /** Similarities of the first `size` items, by place. */
  constructor(items: readonly Candidate[], size: number, context: OrderContext) {
    this.#items = items;
    this.#context = context;
    this.#dim = context.vectors?.dim ?? 0;
    if (units.length < size * this.#dim) units = new Float32Array(size * this.#dim);
    this.#isKnown = new Uint8Array(size);
    this.#hasVector = new Uint8Array(size);
  }

  /** The greatest similarity of the item to others[from ...], and at least 0. */
  closest(item: number, others: readonly number[], from: number): number {
    let greatest = 0;
    let at = from;
    if (this.#normalize(item)) {
      for (; at + AT_ONCE <= others.length; at += AT_ONCE)
        greatest = Math.max(greatest, this.#ofSome(item, others, at));
    }
    for (; at < others.length; at++) greatest = Math.max(greatest, this.#of(item, others[at] as number));
    return greatest;
  }

  /** The greatest of AT_ONCE, of which each has the sum that `#of` gives it, to the last bit. */
  #ofSome(item: number, others: readonly number[], at: number): number {
    const dim = this.#dim;
    const [a, b, c, d] = [others[at], others[at + 1], others[at + 2], others[at + 3]] as [
      number,
      number,
      number,
      number,
    ];
    if (!(this.#normalize(a) && this.#normalize(b) && this.#normalize(c) && this.#normalize(d))) {
      return Math.max(this.#of(item, a), this.#of(item, b), this.#of(item, c), this.#of(item, d));
    }
    const [x, ya, yb, yc, yd] = [item * dim, a * dim, b * dim, c * dim, d * dim];
    let [sumA, sumB, sumC, sumD] = [0, 0, 0, 0];
    for (let i = 0; i < dim; i++) {
      const value = units[x + i] as number;
      sumA += value * (units[ya + i] as number);
      sumB += value * (units[yb + i] as number);
      sumC += value * (units[yc + i] as number);
      sumD += value * (units[yd + i] as number);
    }
    return Math.max(sumA, sumB, sumC, sumD);
  }

  #of(item: number, other: number): number {
    if (!this.#normalize(item) || !this.#normalize(other)) {
      return this.#categoryOf(item) === this.#categoryOf(other) ? 1 : 0;
    }
    const dim = this.#dim;
    const [x, y] = [item * dim, other * dim];
    let sum = 0;
    for (let i = 0; i < dim; i++) sum += (units[x + i] as number) * (units[y + i] as number);
    return sum;
  }

  #categoryOf(item: number): string | undefined {
    return this.#context.facts.classOf((this.#items[item] as Candidate).item)?.category;
  }

  /** Writes the vector with length 1 to its place; false where there is none, or where it points nowhere. */
  #normalize(item: number): boolean {
    if (this.#isKnown[item] === 1) return this.#hasVector[item] === 1;
    this.#isKnown[item] = 1;
    const { vectors } = this.#context;
    const from = item * this.#dim;
    const end = from + this.#dim;
    if (vectors?.copy((this.#items[item] as Candidate).item, units, from) !== true) return false;
    let squares = 0;
    for (let i = from; i < end; i++) squares += (units[i] as number) * (units[i] as number);
    if (squares === 0) return false;
    const length = Math.sqrt(squares);
    for (let i = from; i < end; i++) units[i] = (units[i] as number) / length;
    this.#hasVector[item] = 1;
    return true;
  }
}
