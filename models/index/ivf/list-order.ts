import { InputError } from '#platform';
import type { TopK } from '../../top-k.ts';
import type { Platform } from '../kernel/port.ts';
import type { Metric } from '../port.ts';
import { BlockLists, type SentLists } from '../storage/block-lists.ts';

const LIST = 0;
const NONE = -1;
/** With more centroids for each one that is wanted, to screen them takes less time than to score them all. */
const SCREENED_FROM = 20;
/** A number with 53 bits of precision holds a score of 32 and a list of 21. */
const MOST_LISTS = 2 ** 21;

/** In which order a query takes lists: that of its centroids' scores by the metric of the index, equal ones by number. */
export class ListOrder {
  /** The centroids, with their numbers as ids. */
  readonly #centroids: BlockLists;
  readonly #scores: Float32Array;
  readonly #scoreBits: Int32Array;
  /** Scores and lists as numbers that ascend in the order; see `#keyed`. The first `#sorted` are sorted, and before all others. */
  readonly #keys: Float64Array;
  #sorted = 0;
  #query: Float32Array = new Float32Array(0);
  #wanted = 0;
  /** The first lists, where few are wanted: `#keys` are not made before they have been taken. */
  #first: TopK | undefined;
  #firstCount = 0;
  #taken = 0;

  private constructor(centroids: BlockLists) {
    this.#centroids = centroids;
    this.#scores = new Float32Array(centroids.size);
    this.#scoreBits = new Int32Array(this.#scores.buffer);
    this.#keys = new Float64Array(centroids.size);
  }

  /** Errors: MR_INDEX_FULL for more than 2^21 lists. */
  static of(centroids: Float32Array, dim: number, metric: Metric, platform: Platform): ListOrder {
    const count = centroids.length / dim;
    if (count > MOST_LISTS)
      throw new InputError('MR_INDEX_FULL', `${count} lists; an index has ${MOST_LISTS}`);
    const rows = BlockLists.create(platform, dim, metric, 1);
    for (let i = 0; i < count; i++) rows.put(LIST, i, centroids.subarray(i * dim, (i + 1) * dim));
    return new ListOrder(rows);
  }

  static receive(sent: SentLists, platform: Platform): ListOrder {
    return new ListOrder(BlockLists.receive(platform, sent));
  }

  /** For another thread, which has it from then on. */
  send(): SentLists {
    return this.#centroids.send();
  }

  all(query: Float32Array): Int32Array {
    const { size } = this.#centroids;
    this.begin(query, size);
    return Int32Array.from({ length: size }, () => this.next());
  }

  /** Begins with a query, which has to stay as it is until the next one, and will take about so many lists. */
  begin(query: Float32Array, wanted: number): void {
    this.#query = query;
    this.#wanted = wanted;
    this.#taken = 0;
    this.#sorted = 0;
    const isFew = wanted * SCREENED_FROM <= this.#centroids.size;
    if (isFew) this.#first = this.#centroids.rank(LIST, query, wanted);
    this.#firstCount = isFew ? wanted : 0;
  }

  /** The next best list; -1 after the last one. */
  next(): number {
    const at = this.#taken++;
    if (at < this.#firstCount) return (this.#first as TopK).id(at);
    if (at >= this.#sorted && !this.#sortMore(at)) return NONE;
    return (this.#keys[at] as number) & (MOST_LISTS - 1);
  }

  /** The score of the list that was taken last. */
  get score(): number {
    const at = this.#taken - 1;
    if (at < this.#firstCount) return (this.#first as TopK).score(at);
    return this.#scores[(this.#keys[at] as number) & (MOST_LISTS - 1)] as number;
  }

  /** Sorts keys up to more than `at`, as many again at least; false where there are no more. */
  #sortMore(at: number): boolean {
    const keys = this.#keys;
    if (at >= keys.length) return false;
    if (this.#sorted === 0) this.#makeKeys();
    // From where they are sorted, not from `at`: the first lists may have been taken without keys.
    const from = this.#sorted;
    const wanted = Math.min(keys.length, Math.max(this.#wanted, 2 * at, 1)) - from;
    const end = bringForward(keys, from, wanted);
    keys.subarray(from, end).sort();
    this.#sorted = end;
    return true;
  }

  #makeKeys(): void {
    this.#centroids.scoreAll(LIST, this.#query, this.#scores);
    const [bits, keys] = [this.#scoreBits, this.#keys];
    for (let list = 0; list < keys.length; list++) {
      const own = bits[list] as number;
      // Bits of floats ascend as these do, but for the negative ones, which descend; the best one gets the least key.
      keys[list] = ~(own ^ ((own >> 31) & 0x7fffffff)) * MOST_LISTS + list;
    }
  }
}

/** Counts of keys by ranges of equal width, from the least to the greatest. */
const counts = new Int32Array(1024);

/**
 * Moves the least ones of those from `from` on to the front, `wanted` at least, and returns where they end. One pass counts how many are
 * in each of many ranges, another one takes all up to the range that the last one wanted is in: no comparison is a coin toss.
 */
function bringForward(keys: Float64Array, from: number, wanted: number): number {
  let [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = from; i < keys.length; i++) {
    const key = keys[i] as number;
    least = Math.min(least, key);
    greatest = Math.max(greatest, key);
  }
  const perUnit = (counts.length - 1) / (greatest - least || 1);
  counts.fill(0);
  for (let i = from; i < keys.length; i++) {
    const range = (((keys[i] as number) - least) * perUnit) | 0;
    counts[range] = (counts[range] as number) + 1;
  }
  let [last, taken] = [0, counts[0] as number];
  while (taken < wanted) taken += counts[++last] as number;
  let end = from;
  for (let i = from; i < keys.length; i++) {
    const key = keys[i] as number;
    if ((((key - least) * perUnit) | 0) > last) continue;
    keys[i] = keys[end] as number;
    keys[end++] = key;
  }
  return end;
}
