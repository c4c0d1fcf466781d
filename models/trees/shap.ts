import { goesLeft, type TreeEnsemble } from './ensemble.ts';

export type Contributions = {
  /** The mean score, by the covers of the leaves: what a row scores of which nothing is known. */
  readonly expected: number;
  /** [rows, columns]: a row's add up to its score less `expected`. */
  readonly values: Float64Array;
};

/**
 * What each column contributes to the score of each row: Shapley values, where a column that is not known sends a row both
 * ways at once, by the covers of the children. Path-dependent TreeSHAP, algorithm 2 of Lundberg, Erion and Lee 2018
 * ("Consistent individualized feature attribution for tree ensembles"): exact, and for a row in the order of leaves times
 * the square of the depth. `features` is [rows, columns]. A node that no row has covered sends half of them each way.
 */
export function treeContributions(
  ensemble: TreeEnsemble,
  features: Float32Array,
  rows: number,
): Contributions {
  const width = ensemble.columns.length;
  const values = new Float64Array(rows * width);
  const shares = sharesOf(ensemble);
  const expectations = expectationsOf(ensemble, shares);
  const path = new Path(deepest(ensemble) + 2);
  for (let row = 0; row < rows; row++) {
    const explained = values.subarray(row * width, (row + 1) * width);
    const walk = new Walk(
      ensemble,
      shares,
      features.subarray(row * width, (row + 1) * width),
      explained,
      path,
    );
    for (const root of ensemble.roots) walk.visit(root, 0, 0, 1, 1, -1);
  }
  return {
    expected: ensemble.roots.reduce((sum, root) => sum + (expectations[root] as number), ensemble.base),
    values,
  };
}

/** What share of a split's cover each child has: [nodes], 1 for a root. */
function sharesOf({ column, left, right, cover }: TreeEnsemble): Float64Array {
  const shares = new Float64Array(column.length).fill(1);
  for (const [node, by] of column.entries()) {
    if (by < 0) continue;
    const [one, other] = [left[node] as number, right[node] as number];
    const both = (cover[one] as number) + (cover[other] as number);
    shares[one] = both > 0 ? (cover[one] as number) / both : 0.5;
    shares[other] = 1 - (shares[one] as number);
  }
  return shares;
}

/** The mean value of the leaves below each node. */
function expectationsOf({ column, left, right, value }: TreeEnsemble, shares: Float64Array): Float64Array {
  const expectations = Float64Array.from(value);
  // Children stand after their parents.
  for (let node = column.length - 1; node >= 0; node--) {
    if ((column[node] as number) < 0) continue;
    for (const child of [left[node], right[node]] as [number, number]) {
      expectations[node] =
        (expectations[node] as number) + (shares[child] as number) * (expectations[child] as number);
    }
  }
  return expectations;
}

function deepest({ column, left, right }: TreeEnsemble): number {
  const depths = new Int32Array(column.length);
  let most = 0;
  for (const [node, by] of column.entries()) {
    if (by < 0) continue;
    const below = (depths[node] as number) + 1;
    depths[left[node] as number] = below;
    depths[right[node] as number] = below;
    most = Math.max(most, below);
  }
  return most;
}

/**
 * The distinct columns on the way to a node, with what the subsets of them weigh. Each depth of the recursion works on a
 * copy of its own, one after the other in the same arrays; element 0 of each stands for no column.
 */
class Path {
  readonly column: Int32Array;
  /** Share of the subsets without the column, and with it, that come this way. */
  readonly zero: Float64Array;
  readonly one: Float64Array;
  /** [i]: the weight of the subsets of i columns. */
  readonly weight: Float64Array;

  constructor(depth: number) {
    const room = (depth * (depth + 1)) / 2;
    this.column = new Int32Array(room);
    this.zero = new Float64Array(room);
    this.one = new Float64Array(room);
    this.weight = new Float64Array(room);
  }

  copy(from: number, to: number, length: number): void {
    for (const part of [this.column, this.zero, this.one, this.weight])
      part.copyWithin(to, from, from + length);
  }

  /** Appends an element to the `length` elements from `at`. */
  extend(at: number, length: number, zero: number, one: number, column: number): void {
    const { weight } = this;
    const end = at + length;
    this.column[end] = column;
    this.zero[end] = zero;
    this.one[end] = one;
    weight[end] = length === 0 ? 1 : 0;
    for (let i = length - 1; i >= 0; i--) {
      const own = weight[at + i] as number;
      weight[at + i + 1] = (weight[at + i + 1] as number) + (one * own * (i + 1)) / (length + 1);
      weight[at + i] = (zero * own * (length - i)) / (length + 1);
    }
  }

  /** Takes out element `index` of those from `at` to `last`, as if it had never been appended. */
  unwind(at: number, last: number, index: number): void {
    const { column, zero, one, weight } = this;
    const [ones, zeros] = [one[at + index] as number, zero[at + index] as number];
    let next = weight[at + last] as number;
    for (let i = last - 1; i >= 0; i--) {
      const own = weight[at + i] as number;
      if (ones !== 0) {
        weight[at + i] = (next * (last + 1)) / ((i + 1) * ones);
        next = own - ((weight[at + i] as number) * zeros * (last - i)) / (last + 1);
      } else weight[at + i] = (own * (last + 1)) / (zeros * (last - i));
    }
    for (let i = at + index; i < at + last; i++) {
      column[i] = column[i + 1] as number;
      zero[i] = zero[i + 1] as number;
      one[i] = one[i + 1] as number;
    }
  }

  /** The sum of the weights that `unwind` would leave. */
  unwoundSum(at: number, last: number, index: number): number {
    const { zero, one, weight } = this;
    const [ones, zeros] = [one[at + index] as number, zero[at + index] as number];
    let next = weight[at + last] as number;
    let total = 0;
    for (let i = last - 1; i >= 0; i--) {
      if (ones !== 0) {
        const without = (next * (last + 1)) / ((i + 1) * ones);
        total += without;
        next = (weight[at + i] as number) - (without * zeros * (last - i)) / (last + 1);
      } else total += ((weight[at + i] as number) * (last + 1)) / (zeros * (last - i));
    }
    return total;
  }
}

/** One row's way down the trees. */
class Walk {
  readonly #ensemble: TreeEnsemble;
  readonly #shares: Float64Array;
  readonly #features: Float32Array;
  readonly #values: Float64Array;
  readonly #path: Path;

  constructor(
    ensemble: TreeEnsemble,
    shares: Float64Array,
    features: Float32Array,
    values: Float64Array,
    path: Path,
  ) {
    this.#ensemble = ensemble;
    this.#shares = shares;
    this.#features = features;
    this.#values = values;
    this.#path = path;
  }

  /**
   * Appends to the `length` elements of the path from `at` the split above `node`: by `column`, of whose subsets without
   * and with it `zero` and `one` come this way.
   */
  visit(node: number, at: number, length: number, zero: number, one: number, column: number): void {
    // No subset comes here, whatever the row.
    if (zero === 0 && one === 0) return;
    const { column: columns, left, right, value } = this.#ensemble;
    const path = this.#path;
    path.extend(at, length, zero, one, column);
    const by = columns[node] as number;
    if (by < 0) {
      for (let i = 1; i <= length; i++) {
        const weight = path.unwoundSum(at, length, i);
        const split = path.column[at + i] as number;
        const gained = weight * ((path.one[at + i] as number) - (path.zero[at + i] as number));
        this.#values[split] = (this.#values[split] as number) + gained * (value[node] as number);
      }
      return;
    }
    // A column that is on the path already takes its earlier element's place.
    let [zeroBefore, oneBefore, last] = [1, 1, length];
    for (let i = 1; i <= length; i++) {
      if (path.column[at + i] !== by) continue;
      [zeroBefore, oneBefore] = [path.zero[at + i] as number, path.one[at + i] as number];
      path.unwind(at, length, i);
      last--;
      break;
    }
    const isLeft = goesLeft(this.#ensemble, node, this.#features[by] as number);
    const [hot, cold] = (isLeft ? [left[node], right[node]] : [right[node], left[node]]) as [number, number];
    for (const child of [hot, cold]) {
      const to = at + last + 1;
      path.copy(at, to, last + 1);
      const share = zeroBefore * (this.#shares[child] as number);
      this.visit(child, to, last + 1, share, child === hot ? oneBefore : 0, by);
    }
  }
}
