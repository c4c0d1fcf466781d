/** The trained trees, and the rows that they are trained on and score: what everything in this folder shares. */

/**
 * A column. The value of a category in a row is its place in `categories`; of one that is not there, NaN, and every other
 * number that is no such place counts as NaN too.
 */
export type Column = { readonly name: string; readonly categories?: readonly string[] };

/** Rows of features, [rows, columns], row by row; NaN where there is no value. */
export type FeatureRows = {
  readonly columns: readonly Column[];
  readonly rows: number;
  readonly values: Float32Array;
};

/**
 * Trees laid out one after the other, each from its root in `roots`; the children of a node stand after it. The score of a
 * row is `base` plus the value of the leaf that it reaches in each tree, summed in double precision in the order of the trees.
 * A row goes left at a node where its value is at most `threshold`, or where its category is in the node's set; without a
 * value, and with a category that training did not see, where `missingLeft` is 1.
 */
export type TreeEnsemble = {
  readonly columns: readonly Column[];
  readonly base: number;
  /** [trees], a node each. */
  readonly roots: Int32Array;
  /** [nodes]; -1 in a leaf. */
  readonly column: Int32Array;
  /** [nodes]; of a categorical split the number of its set. */
  readonly threshold: Float32Array;
  readonly left: Int32Array;
  readonly right: Int32Array;
  readonly missingLeft: Uint8Array;
  /** [nodes]; what a leaf adds to the score, already times the learning rate; 0 inside of a tree. */
  readonly value: Float64Array;
  /** [nodes]; sum of the weights of the training rows that reached the node: TreeSHAP's cover. */
  readonly cover: Float64Array;
  /** [nodes]; by how much the split lowered the loss; 0 in a leaf. */
  readonly gain: Float64Array;
  /** Set s holds the categories `categories[setStarts[s]] .. categories[setStarts[s + 1] - 1]`, ascending. */
  readonly setStarts: Int32Array;
  readonly categories: Int32Array;
};

/** The categories that go left at a categorical split: a view that must not be written to. */
export function setOf({ threshold, setStarts, categories }: TreeEnsemble, node: number): Int32Array {
  const set = threshold[node] as number;
  return categories.subarray(setStarts[set], setStarts[set + 1]);
}

/** Whether a row with this value in the split's column goes left at the node. */
export function goesLeft(ensemble: TreeEnsemble, node: number, value: number): boolean {
  const categories = ensemble.columns[ensemble.column[node] as number]?.categories;
  if (categories === undefined) {
    if (Number.isNaN(value)) return ensemble.missingLeft[node] === 1;
    return value <= (ensemble.threshold[node] as number);
  }
  const isCategory = Number.isInteger(value) && value >= 0 && value < categories.length;
  return isCategory ? isIn(setOf(ensemble, node), value) : ensemble.missingLeft[node] === 1;
}

/** Whether an ascending set has the category. */
function isIn(set: Int32Array, category: number): boolean {
  let below = 0;
  for (let above = set.length; below < above; ) {
    const middle = (below + above) >>> 1;
    if ((set[middle] as number) < category) below = middle + 1;
    else above = middle;
  }
  return set[below] === category;
}
