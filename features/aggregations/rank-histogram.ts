/**
 * How many items have which score, for the percentile rank of each among all: a sparse histogram in which an item's
 * entry moves from bucket to bucket as its score changes. Buckets are integers; `decayedScoreBucket` gives those of
 * decayed sums, which time does not change, so a histogram stays true between an item's events. Each partition keeps
 * one of its own items, and their sum is the histogram of all: counts are exact, so no order of moves or of merging
 * shows in its bytes.
 */
import { invariant } from '#platform';
import type { CanonicalReader, CanonicalWriter } from '../encoding.ts';
import {
  addCount,
  ascending,
  decodeBuckets,
  encodeBuckets,
  mergeCounts,
  type SortedCounts,
  search,
} from './sorted-counts.ts';

export class RankHistogram {
  readonly #state: SortedCounts<number>;
  /** Items up to and including each bucket; computed on first use, dropped at every change. */
  #upTo: number[] | null = null;

  private constructor(state: SortedCounts<number>) {
    this.#state = state;
  }

  static empty(): RankHistogram {
    return new RankHistogram({ keys: [], counts: [] });
  }

  /** Throws MR_FEATURES_STATE_MALFORMED. */
  static decode(reader: CanonicalReader): RankHistogram {
    return new RankHistogram(decodeBuckets(reader));
  }

  encode(writer: CanonicalWriter): void {
    encodeBuckets(writer, this.#state);
  }

  /** Changes neither. */
  merge(other: RankHistogram): RankHistogram {
    return new RankHistogram(mergeCounts(this.#state, other.#state, ascending));
  }

  add(bucket: number, items = 1): void {
    invariant(Number.isSafeInteger(bucket), 'a bucket is an integer');
    invariant(items >= 0, 'a negative number of items was added to a bucket');
    this.#change(bucket, items);
  }

  /** The bucket must hold as many. */
  remove(bucket: number, items = 1): void {
    const found = search(this.#state.keys, bucket, ascending);
    const held = found < 0 ? 0 : (this.#state.counts[found] as number);
    invariant(items >= 0 && items <= held, 'an item was taken from a bucket that does not hold it');
    this.#change(bucket, -items);
  }

  /** Moves one item; null stands for not being in the histogram. */
  move(from: number | null, to: number | null): void {
    if (from === to) return;
    if (from !== null) this.remove(from);
    if (to !== null) this.add(to);
  }

  /** How many items there are. */
  get items(): number {
    return this.#cumulative().at(-1) ?? 0;
  }

  /** The share of items below the bucket plus half of those in it, 0 to 1; null without items. */
  percentile(bucket: number): number | null {
    const upTo = this.#cumulative();
    const items = upTo.at(-1);
    if (items === undefined) return null;
    const found = search(this.#state.keys, bucket, ascending);
    const at = found < 0 ? -1 - found : found;
    const below = upTo[at - 1] ?? 0;
    const through = found < 0 ? below : (upTo[at] as number);
    return (below + through) / 2 / items;
  }

  #change(bucket: number, items: number): void {
    addCount(this.#state, bucket, items, ascending);
    this.#upTo = null;
  }

  #cumulative(): number[] {
    if (this.#upTo === null) {
      let total = 0;
      this.#upTo = this.#state.counts.map((count) => {
        total += count;
        return total;
      });
    }
    return this.#upTo;
  }
}
