/** An item and what a version makes of it. */
export type ScoredItem = { readonly itemId: string; readonly score: number };

/** How far two versions agree over requests; null where no request says anything. */
export type Agreement = {
  /** Requests that both have scored. */
  readonly requests: number;
  /** Mean share of the first ten items that both have. */
  readonly overlap: number | null;
  /** Mean Spearman rank correlation over the items that both have scored, -1 to 1. */
  readonly correlation: number | null;
  /** Mean absolute difference of the scores of these items. */
  readonly difference: number | null;
};

export type Measure = 'overlap' | 'correlation' | 'difference';
export const measures: readonly Measure[] = ['overlap', 'correlation', 'difference'];

const FIRST = 10;

/** Compares two sides' scores for one request; both lists are sorted best first. */
export function compareScores(
  own: readonly ScoredItem[],
  other: readonly ScoredItem[],
): Omit<Agreement, 'requests'> {
  const others = new Map(other.map(({ itemId, score }) => [itemId, score]));
  const pairs = own.flatMap(({ itemId, score }): (readonly [number, number])[] => {
    const theirs = others.get(itemId);
    return theirs === undefined ? [] : [[score, theirs]];
  });
  const first = new Set(other.slice(0, FIRST).map(({ itemId }) => itemId));
  const most = Math.min(FIRST, Math.max(own.length, other.length));
  const shared = own.slice(0, FIRST).filter(({ itemId }) => first.has(itemId)).length;
  return {
    overlap: most === 0 ? null : shared / most,
    correlation: correlationOf(ranksOf(pairs.map(([a]) => a)), ranksOf(pairs.map(([, b]) => b))),
    difference: meanOf(pairs.map(([a, b]) => Math.abs(a - b))),
  };
}

/** Means over requests, as they come. */
export class AgreementTally {
  readonly #sums = new Map<Measure, { sum: number; count: number }>();
  #requests = 0;

  add(compared: Omit<Agreement, 'requests'>): void {
    this.#requests++;
    for (const measure of measures) {
      const value = compared[measure];
      if (value === null) continue;
      const { sum, count } = this.#sums.get(measure) ?? { sum: 0, count: 0 };
      this.#sums.set(measure, { sum: sum + value, count: count + 1 });
    }
  }

  get agreement(): Agreement {
    const mean = (measure: Measure) => {
      const found = this.#sums.get(measure);
      return found === undefined ? null : found.sum / found.count;
    };
    const [overlap, correlation, difference] = [mean('overlap'), mean('correlation'), mean('difference')];
    return { requests: this.#requests, overlap, correlation, difference };
  }
}

/** Equal values share the mean of their ranks. */
function ranksOf(values: readonly number[]): readonly number[] {
  const order = values.map((_, place) => place).sort((a, b) => (values[a] as number) - (values[b] as number));
  const ranks = new Array<number>(values.length);
  for (let from = 0, to = 0; from < order.length; from = to) {
    const value = values[order[from] as number];
    while (to < order.length && values[order[to] as number] === value) to++;
    for (let at = from; at < to; at++) ranks[order[at] as number] = (from + to - 1) / 2;
  }
  return ranks;
}

/** Pearson's; null where one side does not vary. */
function correlationOf(a: readonly number[], b: readonly number[]): number | null {
  const [meanA, meanB] = [meanOf(a), meanOf(b)];
  if (meanA === null || meanB === null) return null;
  let [both, ofA, ofB] = [0, 0, 0];
  a.forEach((value, place) => {
    const [x, y] = [value - meanA, (b[place] as number) - meanB];
    both += x * y;
    ofA += x * x;
    ofB += y * y;
  });
  return ofA === 0 || ofB === 0 ? null : both / Math.sqrt(ofA * ofB);
}

function meanOf(values: readonly number[]): number | null {
  return values.length === 0 ? null : values.reduce((sum, value) => sum + value, 0) / values.length;
}
