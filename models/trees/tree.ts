/** One tree while it is grown, and the ensemble that trees come to. */
import type { BinnedColumn } from './binning.ts';
import type { Column, FeatureRows, TreeEnsemble } from './ensemble.ts';
import type { Split } from './split.ts';

/** Stands for a column or a child that a leaf does not have. */
const NONE = -1;

type TreeNode = {
  column: number;
  threshold: number;
  left: number;
  right: number;
  missingLeft: number;
  value: number;
  cover: number;
  gain: number;
};

/** Nodes are numbered from 0, the root, within the tree; sets likewise. */
export type Tree = { readonly nodes: readonly Readonly<TreeNode>[]; readonly sets: readonly Int32Array[] };

export class GrowingTree implements Tree {
  readonly nodes: TreeNode[] = [];
  readonly sets: Int32Array[] = [];

  addLeaf(): number {
    const shared = { column: NONE, threshold: 0, left: NONE, right: NONE };
    return this.nodes.push({ ...shared, missingLeft: 0, value: 0, cover: 0, gain: 0 }) - 1;
  }

  /** Turns a leaf into a split; returns its children, which are leaves. */
  split(leaf: number, { gain, bin, set, missingLeft }: Split, by: BinnedColumn): readonly [number, number] {
    const node = this.nodes[leaf] as TreeNode;
    const [left, right] = [this.addLeaf(), this.addLeaf()];
    const threshold =
      set === undefined
        ? (by.thresholds?.[bin] as number)
        : this.sets.push(Int32Array.from(set, (each) => by.categories?.[each] as number)) - 1;
    Object.assign(node, {
      column: by.column,
      threshold,
      left,
      right,
      missingLeft: missingLeft ? 1 : 0,
      gain,
    });
    return [left, right];
  }

  setLeaf(leaf: number, value: number, cover: number): void {
    Object.assign(this.nodes[leaf] as TreeNode, { value, cover });
  }

  /** Sums the covers of leaves, after the last of them has one. */
  sumCovers(): void {
    for (let i = this.nodes.length - 1; i >= 0; i--) {
      const node = this.nodes[i] as TreeNode;
      if (node.left === NONE) continue;
      node.cover = (this.nodes[node.left] as TreeNode).cover + (this.nodes[node.right] as TreeNode).cover;
    }
  }
}

/** The leaf's value for a row; as training and every other scorer of the ensemble has it. */
export function valueOfRow({ nodes, sets }: Tree, { columns, values }: FeatureRows, row: number): number {
  const first = row * columns.length;
  let node = nodes[0] as TreeNode;
  while (node.left !== NONE) {
    const value = values[first + node.column] as number;
    const isSet = columns[node.column]?.categories !== undefined;
    let isLeft: boolean;
    if (Number.isNaN(value)) isLeft = node.missingLeft === 1;
    else if (isSet) isLeft = (sets[node.threshold] as Int32Array).includes(value);
    else isLeft = value <= node.threshold;
    node = nodes[isLeft ? node.left : node.right] as TreeNode;
  }
  return node.value;
}

export function ensembleOf(columns: readonly Column[], base: number, trees: readonly Tree[]): TreeEnsemble {
  const roots: number[] = [];
  const setsBefore: number[] = [];
  let [nodes, sets] = [0, 0];
  for (const tree of trees) {
    roots.push(nodes);
    setsBefore.push(sets);
    nodes += tree.nodes.length;
    sets += tree.sets.length;
  }
  const flat = trees.flatMap((tree, t) =>
    tree.nodes.map((node) => {
      const isSplit = node.left !== NONE;
      const isSet = isSplit && columns[node.column]?.categories !== undefined;
      const first = roots[t] as number;
      return {
        ...node,
        threshold: isSet ? node.threshold + (setsBefore[t] as number) : node.threshold,
        left: isSplit ? first + node.left : NONE,
        right: isSplit ? first + node.right : NONE,
      };
    }),
  );
  const allSets = trees.flatMap((tree) => tree.sets);
  const setStarts = new Int32Array(allSets.length + 1);
  allSets.forEach((set, s) => {
    setStarts[s + 1] = (setStarts[s] as number) + set.length;
  });
  return {
    columns,
    base,
    roots: Int32Array.from(roots),
    column: Int32Array.from(flat, ({ column }) => column),
    threshold: Float32Array.from(flat, ({ threshold }) => threshold),
    left: Int32Array.from(flat, ({ left }) => left),
    right: Int32Array.from(flat, ({ right }) => right),
    missingLeft: Uint8Array.from(flat, ({ missingLeft }) => missingLeft),
    value: Float64Array.from(flat, ({ value }) => value),
    cover: Float64Array.from(flat, ({ cover }) => cover),
    gain: Float64Array.from(flat, ({ gain }) => gain),
    setStarts,
    categories: Int32Array.from(allSets.flatMap((set) => [...set])),
  };
}
