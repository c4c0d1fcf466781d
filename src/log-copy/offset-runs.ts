/** Ascending offsets, kept as runs without gaps: a partition of millions of records has few of those. */
export class OffsetRuns {
  readonly #firsts: number[] = [];
  /** How many offsets lie before each run. */
  readonly #ranks: number[] = [];
  #size = 0;
  #end = -1;

  get size(): number {
    return this.#size;
  }

  add(offset: number): void {
    if (offset !== this.#end) {
      this.#firsts.push(offset);
      this.#ranks.push(this.#size);
    }
    this.#size++;
    this.#end = offset + 1;
  }

  /** The offset that has `rank` others before it, `rank` being below `size`. */
  at(rank: number): number {
    const run = lastUpTo(this.#ranks, rank);
    return (this.#firsts[run] as number) + rank - (this.#ranks[run] as number);
  }

  /** How many lie before `offset`. */
  rank(offset: number): number {
    const run = lastUpTo(this.#firsts, offset);
    if (run < 0) return 0;
    const end = this.#ranks[run + 1] ?? this.#size;
    return Math.min(end, (this.#ranks[run] as number) + offset - (this.#firsts[run] as number));
  }

  has(offset: number): boolean {
    const rank = this.rank(offset);
    return rank < this.#size && this.at(rank) === offset;
  }
}

/** The index of the last element that is not above `limit`; -1 where all are. */
function lastUpTo(ascending: readonly number[], limit: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((ascending[middle] as number) <= limit) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
