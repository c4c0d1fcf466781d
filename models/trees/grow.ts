/** Growth leaf by leaf: of all leaves the one whose best split lowers the loss most is split next, as in LightGBM. */
import type { BinnedColumn } from './binning.ts';
import type { BlockStep, BlocksSetup, SearchedNode } from './column-blocks.ts';
import { type Bounds, leafValue, type Sums, UNBOUNDED } from './leaf-value.ts';
import type { TrainingMemory } from './memory.ts';
import { gather, partition } from './partition.ts';
import { leftBins, type Split } from './split.ts';
import { GrowingTree, type Tree } from './tree.ts';

export type Ground = {
  readonly setup: BlocksSetup;
  readonly memory: TrainingMemory;
  /** [rows]. */
  readonly scratch: Int32Array;
  /** [rows]; 1 each where undefined. */
  readonly weights: Float32Array | undefined;
  /** The best splits of the step's nodes over all columns. */
  readonly search: (step: BlockStep) => Promise<readonly (Split | undefined)[]>;
};

/** The rows of a leaf are those at `from` .. `to` - 1 of `order`. */
export type Leaf = {
  readonly node: number;
  readonly from: number;
  readonly to: number;
  readonly sums: Sums;
  readonly bounds: Bounds;
};

export type Grown = { readonly tree: Tree; readonly leaves: readonly Leaf[] };

type Candidate = Leaf & {
  readonly depth: number;
  readonly histogram: number;
  split?: Split | undefined;
};

/** Grows a tree on the first `rows` rows of `order`, with splits by the columns that `chosen` marks. */
export async function growByLeaves(ground: Ground, rows: number, chosen: Uint8Array): Promise<Grown> {
  const { config } = ground.setup;
  const tree = new GrowingTree();
  const root: Candidate = {
    ...{ node: tree.addLeaf(), from: 0, to: rows, depth: 0, histogram: 0 },
    ...{ sums: sumsOf(ground.memory, rows), bounds: UNBOUNDED },
  };
  const leaves = [root];
  if (mayBeSplit(root)) {
    gather(ground.memory, 0, rows);
    const build = { from: 0, to: rows, histogram: 0, parent: undefined };
    [root.split] = await ground.search({ build, nodes: [searched(root)], chosen });
  }
  while (leaves.length < config.leaves) {
    const next = bestOf(leaves);
    if (next?.split === undefined) break;
    const [left, right] = split(next, next.split);
    leaves.splice(leaves.indexOf(next), 1, left, right);
    if (leaves.length < config.leaves) await searchChildren(left, right, next.histogram);
  }
  setLeaves(ground, tree, leaves);
  return { tree, leaves };

  function split(parent: Candidate, by: Split): readonly [Candidate, Candidate] {
    const [left, right] = splitLeaf(ground, tree, parent, parent.histogram, by);
    const isLeftSmaller = left.to - left.from <= right.to - right.from;
    const [own, kept] = [leaves.length, parent.histogram];
    const depth = parent.depth + 1;
    return [
      { ...left, depth, histogram: isLeftSmaller ? own : kept },
      { ...right, depth, histogram: isLeftSmaller ? kept : own },
    ];
  }

  async function searchChildren(left: Candidate, right: Candidate, parent: number): Promise<void> {
    const nodes = [left, right].filter(mayBeSplit);
    if (nodes.length === 0) return;
    const { from, to, histogram } = left.histogram === parent ? right : left;
    gather(ground.memory, from, to);
    const found = await ground.search({
      build: { from, to, histogram, parent },
      nodes: nodes.map(searched),
      chosen,
    });
    nodes.forEach((node, i) => {
      node.split = found[i];
    });
  }

  function mayBeSplit({ from, to, depth }: Candidate): boolean {
    return to - from >= 2 * config.minRows && (config.depth === 0 || depth < config.depth);
  }
}

const searched = ({ sums, bounds, histogram }: Candidate): SearchedNode => ({ sums, bounds, histogram });

/** The leaf with the highest gain; where gains are equal, the one that stands first in the tree. */
function bestOf(leaves: readonly Candidate[]): Candidate | undefined {
  let best: Candidate | undefined;
  for (const leaf of leaves) {
    if (leaf.split !== undefined && leaf.split.gain > (best?.split?.gain ?? 0)) best = leaf;
  }
  return best;
}

function sumsOf({ order, gradients }: TrainingMemory, rows: number): Sums {
  let [gradient, hessian] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const row = order[i] as number;
    gradient += gradients[2 * row] as number;
    hessian += gradients[2 * row + 1] as number;
  }
  return { gradient, hessian, rows };
}

/** Splits a leaf whose histogram is still there; its children are leaves of the tree. */
function splitLeaf(
  { setup, memory, scratch }: Ground,
  tree: GrowingTree,
  { node, from, to, sums: total, bounds }: Leaf,
  histogram: number,
  by: Split,
): readonly [Leaf, Leaf] {
  const column = setup.binning.columns[by.column] as BinnedColumn;
  const goesLeft = leftBins(by, column);
  const sums = sumsOfBins(memory, histogram * setup.shape.slots + column.slot, column.bins + 1, goesLeft);
  const others = {
    gradient: total.gradient - sums.gradient,
    hessian: total.hessian - sums.hessian,
    rows: total.rows - sums.rows,
  };
  const middle = partition(
    memory,
    { rows: setup.shape.rows, column: by.column, left: goesLeft },
    from,
    to,
    scratch,
  );
  const [left, right] = tree.split(node, by, column);
  const [below, above] = boundsOfChildren(setup, by.column, sums, others, bounds);
  return [
    { node: left, from, to: middle, sums, bounds: below },
    { node: right, from: middle, to, sums: others, bounds: above },
  ];
}

function sumsOfBins({ sums, counts }: TrainingMemory, slot: number, bins: number, left: Uint8Array): Sums {
  let [gradient, hessian, rows] = [0, 0, 0];
  for (let bin = 0; bin < bins; bin++) {
    if (left[bin] === 0) continue;
    gradient += sums[2 * (slot + bin)] as number;
    hessian += sums[2 * (slot + bin) + 1] as number;
    rows += counts[slot + bin] as number;
  }
  return { gradient, hessian, rows };
}

/** Below a split by a monotone column, no leaf on one side may have a value beyond the middle of the two. */
function boundsOfChildren(
  { config: { regularisation }, directions }: BlocksSetup,
  column: number,
  left: Sums,
  right: Sums,
  bounds: Bounds,
): readonly [Bounds, Bounds] {
  const direction = directions[column] as number;
  if (direction === 0) return [bounds, bounds];
  const { least, most } = bounds;
  const valueFor = ({ gradient, hessian }: Sums) => leafValue(gradient, hessian, regularisation, least, most);
  const middle = (valueFor(left) + valueFor(right)) / 2;
  const [below, above] = [
    { least, most: middle },
    { least: middle, most },
  ];
  return direction > 0 ? [below, above] : [above, below];
}

/** Gives the leaves their values, times the learning rate, and all nodes their covers. */
function setLeaves({ setup, memory, weights }: Ground, tree: GrowingTree, leaves: readonly Leaf[]): void {
  const { regularisation, learningRate } = setup.config;
  for (const { node, from, to, sums, bounds } of leaves) {
    const { gradient, hessian } = sums;
    const value =
      hessian + regularisation > 0
        ? leafValue(gradient, hessian, regularisation, bounds.least, bounds.most)
        : 0;
    tree.setLeaf(node, learningRate * value, coverOf(memory.order, from, to, weights));
  }
  tree.sumCovers();
}

function coverOf(order: Int32Array, from: number, to: number, weights: Float32Array | undefined): number {
  if (weights === undefined) return to - from;
  let cover = 0;
  for (let i = from; i < to; i++) cover += weights[order[i] as number] as number;
  return cover;
}
