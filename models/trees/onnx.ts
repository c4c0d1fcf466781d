/** An ensemble as an ONNX file: the operator TreeEnsembleRegressor of ai.onnx.ml, which has no sets of categories. */
import { InputError } from '#platform';
import type { Calibrator } from '../calibration/calibrator.ts';
import { calibrated } from '../calibration/onnx.ts';
import { and, equal, greater, where } from '../graph/arithmetic.ts';
import { reshape } from '../graph/layout.ts';
import { toOnnx } from '../graph/onnx.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import { setOf, type TreeEnsemble } from './ensemble.ts';

/**
 * onnxruntime recurses into a tree node by node when it loads one, and overflows the stack of a worker thread, which ends
 * the process, somewhere above 5,000.
 */
const MAX_PATH = 2000;

/** What no row holds: the chain of an empty set tests only whether there is a value. */
const NO_CATEGORY = -1;

/**
 * The graph has the input `features` (float32 [rows, columns]) and the output `score` (float32 [rows]): sums of float32,
 * or the probabilities that `calibrator` makes of them. Every row takes the path that `TreeEnsemble` states, whatever its
 * values. Refuses sets of categories that make a path longer than 2,000 nodes with InputError MR_TREES_PATH.
 */
export function treesAsOnnx(ensemble: TreeEnsemble, calibrator?: Calibrator): Uint8Array {
  const graph = new Graph();
  const features = graph.input('features', ['rows', ensemble.columns.length]);
  const scores = treeScores(ensemble, withoutUnknown(ensemble, features));
  graph.output('score', calibrator === undefined ? scores : calibrated(scores, calibrator));
  return toOnnx(graph);
}

/** NaN in place of what is none of its column's categories. */
function withoutUnknown({ columns }: TreeEnsemble, features: Tensor): Tensor {
  if (columns.every(({ categories }) => categories === undefined)) return features;
  const { graph, shape } = features;
  const eachColumn = (numeric: number, categorical: (count: number) => number) => {
    const values = columns.map(({ categories }) =>
      categories === undefined ? numeric : categorical(categories.length),
    );
    return graph.constant(Float32Array.from(values), [columns.length]);
  };
  const isWhole = equal(graph.apply('Floor', [features], { shape }), features);
  const isFromZero = greater(
    features,
    eachColumn(0, () => -1),
  );
  const isBelowCount = greater(
    eachColumn(0, (count) => count),
    features,
  );
  const isNumeric = greater(
    eachColumn(1, () => 0),
    0,
  );
  const isCategory = and(isWhole, and(isFromZero, isBelowCount));
  return where(isNumeric, features, where(isCategory, features, Number.NaN));
}

function treeScores(ensemble: TreeEnsemble, features: Tensor): Tensor {
  const nodes = new OnnxNodes();
  for (const [tree, root] of ensemble.roots.entries()) addTree(nodes, ensemble, tree, root);
  // The operator requires a tree.
  if (ensemble.roots.length === 0) nodes.leaf(0, 0, 0);
  const scores = features.graph.apply('TreeEnsembleRegressor', [features], {
    shape: ['rows', 1],
    domain: 'ai.onnx.ml',
    attributes: {
      n_targets: { int: 1 },
      aggregate_function: { string: 'SUM' },
      post_transform: { string: 'NONE' },
      base_values: { floats: Float32Array.of(ensemble.base) },
      ...nodes.attributes(),
    },
  });
  return reshape(scores, ['rows']);
}

function addTree(nodes: OnnxNodes, ensemble: TreeEnsemble, tree: number, root: number): void {
  const end = ensemble.roots[tree + 1] ?? ensemble.column.length;
  const longest = new Int32Array(end - root);
  // The root is node 0; nodes of chains are numbered from after the tree's own.
  let free = end - root;
  for (let node = root; node < end; node++) {
    const id = node - root;
    const feature = ensemble.column[node] as number;
    if (feature < 0) {
      nodes.leaf(tree, id, ensemble.value[node] as number);
      continue;
    }
    const left = (ensemble.left[node] as number) - root;
    const right = (ensemble.right[node] as number) - root;
    const missingLeft = ensemble.missingLeft[node] === 1;
    const { categories } = ensemble.columns[feature] as TreeEnsemble['columns'][number];
    let length = 1;
    if (categories === undefined) {
      const value = ensemble.threshold[node] as number;
      nodes.branch({ tree, id, mode: 'BRANCH_LEQ', feature, value, missing: missingLeft }, left, right);
    } else {
      const { chain, isLeft } = shorterSide(setOf(ensemble, node), categories.length);
      const [found, passed] = isLeft ? [left, right] : [right, left];
      length = chain.length;
      let at = id;
      for (const [i, value] of chain.entries()) {
        const next = i === chain.length - 1 ? passed : free++;
        const missing = missingLeft === isLeft;
        // Every node of the chain has the same first child, which the specification allows and onnxruntime merges.
        nodes.branch({ tree, id: at, mode: 'BRANCH_EQ', feature, value, missing }, found, next);
        at = next;
      }
    }
    longest[left] = longest[right] = (longest[id] as number) + length;
    if ((longest[left] as number) > MAX_PATH) throw tooLong(ensemble, feature, longest[left] as number);
  }
}

/** The categories of a split that a chain tests one after the other: those that go left, or where fewer go right, those. */
function shorterSide(set: Int32Array, count: number): { chain: readonly number[]; isLeft: boolean } {
  const isLeft = set.length <= count / 2;
  if (isLeft) return { chain: set.length === 0 ? [NO_CATEGORY] : [...set], isLeft };
  const members = new Set(set);
  const rest = Array.from({ length: count }, (_, category) => category).filter((each) => !members.has(each));
  return { chain: rest.length === 0 ? [NO_CATEGORY] : rest, isLeft };
}

type Branch = {
  readonly tree: number;
  readonly id: number;
  readonly mode: 'BRANCH_LEQ' | 'BRANCH_EQ';
  readonly feature: number;
  readonly value: number;
  /** Whether NaN is as good as a value that passes the test. */
  readonly missing: boolean;
};

/** Nodes as the operator wants them: a list of each of their fields. */
class OnnxNodes {
  readonly #treeIds: number[] = [];
  readonly #nodeIds: number[] = [];
  readonly #modes: string[] = [];
  readonly #features: number[] = [];
  readonly #values: number[] = [];
  readonly #whenTrue: number[] = [];
  readonly #whenFalse: number[] = [];
  readonly #missingTrue: number[] = [];
  readonly #leafTrees: number[] = [];
  readonly #leafIds: number[] = [];
  readonly #weights: number[] = [];

  branch({ tree, id, mode, feature, value, missing }: Branch, whenTrue: number, whenFalse: number): void {
    this.#add(tree, id, mode);
    this.#features.push(feature);
    this.#values.push(value);
    this.#whenTrue.push(whenTrue);
    this.#whenFalse.push(whenFalse);
    this.#missingTrue.push(Number(missing));
  }

  leaf(tree: number, id: number, weight: number): void {
    this.#add(tree, id, 'LEAF');
    for (const unused of [this.#features, this.#values, this.#whenTrue, this.#whenFalse, this.#missingTrue]) {
      unused.push(0);
    }
    this.#leafTrees.push(tree);
    this.#leafIds.push(id);
    this.#weights.push(weight);
  }

  attributes() {
    return {
      nodes_treeids: { ints: this.#treeIds },
      nodes_nodeids: { ints: this.#nodeIds },
      nodes_modes: { strings: this.#modes },
      nodes_featureids: { ints: this.#features },
      nodes_values: { floats: Float32Array.from(this.#values) },
      nodes_truenodeids: { ints: this.#whenTrue },
      nodes_falsenodeids: { ints: this.#whenFalse },
      nodes_missing_value_tracks_true: { ints: this.#missingTrue },
      target_treeids: { ints: this.#leafTrees },
      target_nodeids: { ints: this.#leafIds },
      target_ids: { ints: this.#leafIds.map(() => 0) },
      target_weights: { floats: Float32Array.from(this.#weights) },
    };
  }

  #add(tree: number, id: number, mode: string): void {
    this.#treeIds.push(tree);
    this.#nodeIds.push(id);
    this.#modes.push(mode);
  }
}

function tooLong({ columns }: TreeEnsemble, feature: number, length: number): InputError {
  return new InputError(
    'MR_TREES_PATH',
    `splits by categories of ${columns[feature]?.name} make a path of ${length} nodes; onnxruntime loads ${MAX_PATH} safely`,
    { hint: 'Train with fewer categories in this column, such as one for all rare values.' },
  );
}
