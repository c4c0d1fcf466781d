/** Beyond every gap: vectors are shorter. A number that JSON has, and that others can be interpolated with. */
const FARTHEST = 2 ** 100;

/** The recall of queries for every reach of their searches. */
export class RecallByReach {
  /** Of each query, the gaps of its true results, each that of its list when its turn came; ascending. */
  readonly #queries: Float64Array[] = [];

  add(gaps: Float64Array): void {
    if (gaps.length > 0) this.#queries.push(gaps.toSorted());
  }

  /**
   * The least reach whose recall less so many standard errors is the target, of those that end a search; the farthest where none is, or where
   * no query has been added.
   */
  reachFor(target: number, errors: number): number {
    const all = new Float64Array(this.#queries.reduce((sum, { length }) => sum + length, 0));
    let length = 0;
    for (const gaps of this.#queries) {
      all.set(gaps, length);
      length += gaps.length;
    }
    const reaches = all.sort().subarray(countUpTo(all, Number.NEGATIVE_INFINITY));
    let [low, high] = [0, reaches.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#surely(reaches[middle] as number, errors) >= target) high = middle;
      else low = middle + 1;
    }
    return reaches[low] ?? FARTHEST;
  }

  /** The mean less so many of its standard errors. */
  #surely(reach: number, errors: number): number {
    const recalls = this.#queries.map((gaps) => countUpTo(gaps, reach) / gaps.length);
    const mean = recalls.reduce((sum, recall) => sum + recall, 0) / recalls.length;
    const squares = recalls.reduce((sum, recall) => sum + (recall - mean) ** 2, 0);
    return mean - (errors * Math.sqrt(squares)) / recalls.length;
  }
}

/** How many of ascending numbers are at most the bound. */
function countUpTo(ascending: Float64Array, bound: number): number {
  let [low, high] = [0, ascending.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((ascending[middle] as number) > bound) high = middle;
    else low = middle + 1;
  }
  return low;
}
