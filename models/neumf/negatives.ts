import { InputError } from '#platform';
import type { Random } from '../random.ts';
import type { Bags } from '../two-tower/data.ts';
import type { NeuMfData, Pairs } from './data.ts';

/**
 * Draws negatives, uniformly and independently: items that the user left where a list shows them, and otherwise items that
 * the user has not had in training. One draw of these is one binary search, however
 * much of the catalogue the user has had: number r of the items that are missing from a sorted list `had` is r + j,
 * where j is the first place with had[j] - j > r.
 */
export class NegativeSampler {
  readonly #items: number;
  /** Distinct items of user u, ascending: `#had[#starts[u]] .. #had[#ends[u] - 1]`. */
  readonly #had: Int32Array;
  readonly #starts: Int32Array;
  readonly #ends: Int32Array;
  readonly #train: Pairs;
  readonly #left: Bags | undefined;

  /** MR_MODEL_DATA where every user of the pairs has had every item, and left none: there is nothing to learn from. */
  constructor({ users, items, train, left }: Omit<NeuMfData, 'validation'>) {
    this.#items = items;
    this.#train = train;
    this.#left = left;
    this.#starts = new Int32Array(users + 1);
    for (const user of train.user) this.#starts[user + 1] = (this.#starts[user + 1] as number) + 1;
    for (let user = 0; user < users; user++) {
      this.#starts[user + 1] = (this.#starts[user + 1] as number) + (this.#starts[user] as number);
    }
    this.#ends = this.#starts.slice(0, users);
    this.#had = new Int32Array(train.user.length);
    train.user.forEach((user, row) => {
      const end = this.#ends[user] as number;
      this.#had[end] = train.item[row] as number;
      this.#ends[user] = end + 1;
    });
    for (let user = 0; user < users; user++) this.#keepDistinct(user);
    if (train.user.every((user, pair) => this.missing(user) === 0 && this.#leftBeside(pair).length === 0)) {
      throw new InputError('MR_MODEL_DATA', `training data: every user has had all ${items} items`, {
        hint: 'The model learns from items that users did not take to: train on a larger catalogue.',
      });
    }
  }

  /** For a training pair; undefined where its user has had all items and was shown none beside it. */
  drawFor(pair: number, random: Random): number | undefined {
    const left = this.#leftBeside(pair);
    if (left.length > 0) return left[random.integer(left.length)];
    const user = this.#train.user[pair] as number;
    return this.missing(user) > 0 ? this.draw(user, random) : undefined;
  }

  #leftBeside(pair: number): Int32Array {
    if (this.#left === undefined) return new Int32Array();
    const { offsets, ids } = this.#left;
    return ids.subarray(offsets[pair], offsets[pair + 1]);
  }

  /** How many items the user has not had. */
  missing(user: number): number {
    return this.#items - ((this.#ends[user] as number) - (this.#starts[user] as number));
  }

  /** The distinct items that the user has had, ascending. */
  hadBy(user: number): Int32Array {
    return this.#had.subarray(this.#starts[user], this.#ends[user]);
  }

  /** An item of those that are missing, of which there must be one. */
  draw(user: number, random: Random): number {
    const wanted = random.integer(this.missing(user));
    const start = this.#starts[user] as number;
    let low = 0;
    let high = (this.#ends[user] as number) - start;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#had[start + middle] as number) - middle > wanted) high = middle;
      else low = middle + 1;
    }
    return wanted + low;
  }

  #keepDistinct(user: number): void {
    const start = this.#starts[user] as number;
    const own = this.#had.subarray(start, this.#ends[user]).sort();
    let size = 0;
    own.forEach((item, i) => {
      if (i === 0 || item !== own[i - 1]) this.#had[start + size++] = item;
    });
    this.#ends[user] = start + size;
  }
}
