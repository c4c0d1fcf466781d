import type { Random } from '../../random.ts';
import { type Column, type FeatureRows, setOf, type TreeEnsemble } from '../ensemble.ts';

export type EnsembleOptions = {
  readonly trees: number;
  readonly columns: number;
  readonly maxLeaves: number;
  readonly maxDepth: number;
  /** Share of the columns that are categorical; .4 by default. */
  readonly categoricalShare?: number;
  /** .5 by default. */
  readonly missingLeftShare?: number;
};

/** A tree as it grows: a node is a leaf until it has been split. */
type Node = {
  column: number;
  threshold: number;
  left: number;
  right: number;
  missingLeft: boolean;
  depth: number;
};

/** Thresholds are quarters, so that values meet them. */
const GRID = 4;

/**
 * Trees grown at random: any leaf may be split next, by any column, with sets from empty to all categories. Splits may
 * contradict those above them; the covers are as if half of the rows or so went each way.
 */
export function randomEnsemble(random: Random, options: EnsembleOptions): TreeEnsemble {
  const { trees, maxLeaves, maxDepth, missingLeftShare = 0.5 } = options;
  const columns = randomColumns(random, options);
  const sets: number[][] = [];
  const roots: number[] = [];
  const nodes: Node[] = [];
  const leaf = (depth: number): Node => ({
    column: -1,
    threshold: 0,
    left: 0,
    right: 0,
    missingLeft: false,
    depth,
  });
  for (let tree = 0; tree < trees; tree++) {
    roots.push(nodes.length);
    nodes.push(leaf(0));
    const open = [nodes.length - 1];
    for (let leaves = 1; leaves < maxLeaves && open.length > 0; leaves++) {
      const [at] = open.splice(random.integer(open.length), 1) as [number];
      const node = nodes[at] as Node;
      node.column = random.integer(columns.length);
      node.missingLeft = random.uniform() < missingLeftShare;
      const { categories } = columns[node.column] as Column;
      if (categories === undefined) node.threshold = Math.round(random.normal() * GRID) / GRID;
      else {
        const share = random.uniform();
        node.threshold = sets.push([...categories.keys()].filter(() => random.uniform() < share)) - 1;
      }
      for (const side of ['left', 'right'] as const) {
        node[side] = nodes.push(leaf(node.depth + 1)) - 1;
        if (node.depth + 1 < maxDepth) open.push(node[side]);
      }
    }
  }
  const cover = new Float64Array(nodes.length);
  const gain = new Float64Array(nodes.length);
  const value = new Float64Array(nodes.length);
  for (const root of roots) cover[root] = 1000;
  for (const [at, node] of nodes.entries()) {
    if (node.column === -1) value[at] = 0.2 * random.normal();
    else {
      const share = 0.1 + 0.8 * random.uniform();
      cover[node.left] = share * (cover[at] as number);
      cover[node.right] = (1 - share) * (cover[at] as number);
      gain[at] = random.uniform();
    }
  }
  return {
    columns,
    base: random.normal(),
    roots: Int32Array.from(roots),
    column: Int32Array.from(nodes, (node) => node.column),
    threshold: Float32Array.from(nodes, (node) => node.threshold),
    left: Int32Array.from(nodes, (node) => node.left),
    right: Int32Array.from(nodes, (node) => node.right),
    missingLeft: Uint8Array.from(nodes, (node) => Number(node.missingLeft)),
    value,
    cover,
    gain,
    setStarts: startsOf(sets),
    categories: Int32Array.from(sets.flat()),
  };
}

function startsOf(sets: readonly (readonly number[])[]): Int32Array {
  const starts = new Int32Array(sets.length + 1);
  sets.forEach((set, i) => {
    starts[i + 1] = (starts[i] as number) + set.length;
  });
  return starts;
}

function randomColumns(random: Random, { columns, categoricalShare = 0.4 }: EnsembleOptions): Column[] {
  return Array.from({ length: columns }, (_, column) => {
    const name = `column ${column}`;
    if (random.uniform() >= categoricalShare) return { name };
    return {
      name,
      categories: Array.from({ length: 1 + random.integer(40) }, (_, category) => `category ${category}`),
    };
  });
}

/** Rows of the ensemble's columns: on thresholds and off them, some without a value, all categories. */
export function randomRows(
  random: Random,
  { columns }: Pick<TreeEnsemble, 'columns'>,
  rows: number,
): FeatureRows {
  const values = Float32Array.from({ length: rows * columns.length }, (_, at) => {
    const { categories } = columns[at % columns.length] as Column;
    if (random.uniform() < 0.1) return Number.NaN;
    if (categories !== undefined) return random.integer(categories.length);
    const value = random.normal();
    return random.uniform() < 0.5 ? Math.round(value * GRID) / GRID : value;
  });
  return { columns, rows, values };
}

/** What the ensemble says of a row, as its declaration states it: a walk down each tree. */
export function scoreByWalking(ensemble: TreeEnsemble, row: ArrayLike<number>): number {
  let score = ensemble.base;
  for (const root of ensemble.roots) score += ensemble.value[leafOf(ensemble, root, row)] as number;
  return score;
}

function leafOf(ensemble: TreeEnsemble, root: number, row: ArrayLike<number>): number {
  let node = root;
  while ((ensemble.column[node] as number) >= 0) {
    node = (walksLeft(ensemble, node, row) ? ensemble.left : ensemble.right)[node] as number;
  }
  return node;
}

/** Written apart from the one that the product uses, so that each checks the other. */
export function walksLeft(ensemble: TreeEnsemble, node: number, row: ArrayLike<number>): boolean {
  const column = ensemble.column[node] as number;
  const value = row[column] as number;
  const threshold = ensemble.threshold[node] as number;
  const { categories } = ensemble.columns[column] as Column;
  const isMissing =
    categories === undefined
      ? Number.isNaN(value)
      : !(Number.isInteger(value) && value >= 0 && value < categories.length);
  if (isMissing) return ensemble.missingLeft[node] === 1;
  if (categories === undefined) return value <= threshold;
  return setOf(ensemble, node).includes(value);
}

/** The next float32 above (direction 1) or below (-1), infinities included. */
function neighbour(value: number, direction: 1 | -1): number {
  if (value === direction * Number.POSITIVE_INFINITY) return value;
  const floats = Float32Array.of(value);
  const bits = new Int32Array(floats.buffer);
  if (floats[0] === 0) return direction * 2 ** -149;
  bits[0] = (bits[0] as number) + (value > 0 ? direction : -direction);
  return floats[0] as number;
}

/**
 * Rows [rows, columns] around everything that the ensemble compares with: at random but for one column, which is on each of
 * its thresholds, one float32 above and below, or each of its categories, or missing, infinite, zero of either sign, or no
 * category at all.
 */
export function edgeRows(random: Random, ensemble: TreeEnsemble): Float32Array {
  const { columns } = ensemble;
  const rows: number[] = [];
  columns.forEach(({ categories }, column) => {
    const values = new Set<number>([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0]);
    if (categories === undefined) {
      ensemble.threshold.forEach((threshold, node) => {
        if (ensemble.column[node] !== column) return;
        values.add(threshold).add(neighbour(threshold, 1)).add(neighbour(threshold, -1));
      });
    } else {
      for (const category of [...categories.keys(), categories.length, -1, 0.5, 1e9, -1e-45])
        values.add(category);
    }
    // A set holds one zero, of positive sign.
    for (const value of [...values, -0]) {
      const row = [...randomRows(random, ensemble, 1).values];
      row[column] = value;
      rows.push(...row);
    }
  });
  return Float32Array.from(rows);
}
