import { add, div, greater, present, relu, where } from '../graph/arithmetic.ts';
import { concat, gatherRows, reshape, transpose } from '../graph/layout.ts';
import { linear, matmul } from '../graph/matrix.ts';
import { l2Normalise, softmax } from '../graph/normalisation.ts';
import { sum } from '../graph/reduction.ts';
import type { Dimension } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

// The two-tower model for retrieval (Covington et al. 2016, Yi et al. 2019): users and items are embedded in one
// space, each by its own tower, and the inner product of their vectors is the score. So all items can be embedded
// beforehand, and the best of them found by an index.
//
// Dimensions: B users, M items, H length of histories, K heads of attention, P, C and F numbers of categorical features,
// T tags and G n-grams of an item, X width of text vectors, D width of embeddings and of vectors, N width of the hidden layer. Ids are int64;
// -1 pads histories and bags. The same functions build the graph that trains and the graphs that serve.

/** What is learned. A table of ids has its rows in the order of the ids; those of items end with the unknown item. */
export type UserParameters = {
  readonly user: Tensor; // [users, D]
  readonly history: Tensor; // [items + 1, D]: an item as something that was consumed, not as a candidate
  readonly profile: Tensor; // [sum of cardinalities, D]
  readonly context?: Tensor; // [sum of cardinalities, D]
  readonly attention: Tensor; // [D, K]
  readonly recency: Tensor; // [H, K]
  readonly heads: Tensor; // [K D, D]
  readonly hiddenWeights: Tensor; // [D, N]
  readonly hiddenBias: Tensor; // [N]
  readonly outputWeights: Tensor; // [N, D]
  readonly outputBias: Tensor; // [D]
};

export type ItemParameters = {
  readonly item: Tensor; // [items + 1, D]
  readonly features: Tensor; // [sum of cardinalities, D]
  readonly tags: Tensor; // [tags, D]
  readonly title?: Tensor; // [hashes, D]
  readonly text?: Tensor; // [X, D]
};

export type UserInputs = {
  readonly user: Tensor; // [B]
  readonly history: HistoryInputs;
  readonly profile: Tensor; // [B, P]
  readonly context?: Tensor; // [B, C]
};

/**
 * Histories in blocks: E blocks of R users each, so that B = E R, who share the items of W columns. A user has a column
 * at some place, 0 being the newest, or not at all: -1. Serving has blocks of one user, whose columns are the history.
 */
export type HistoryInputs = {
  readonly columns: Tensor; // [E, W], ids
  readonly places: Tensor; // [E, R, W]
};

export type ItemInputs = {
  readonly item: Tensor; // [M], -1 for an item that was not trained
  readonly features: Tensor; // [M, F]
  readonly tags: Tensor; // [M, T]
  readonly title?: Tensor; // [M, G]
  readonly text?: Tensor; // [M, X], as a text encoder has them
};

/** How many values each categorical feature has. */
export type UserSizes = { readonly profile: readonly number[]; readonly context: readonly number[] };

/** Who the user is, plus what the user did, plus when and where, through one residual layer. */
export function userTower(parameters: UserParameters, inputs: UserInputs, sizes: UserSizes): Tensor {
  const identity = gatherRows(parameters.user, inputs.user); // [B, D]
  const history = attend(parameters, inputs.history); // [B, D]
  const profile = categorical(parameters.profile, inputs.profile, sizes.profile); // [B, D]
  const known = add(add(identity, history), profile); // [B, D]
  const x =
    parameters.context === undefined || inputs.context === undefined
      ? known
      : add(known, categorical(parameters.context, inputs.context, sizes.context)); // [B, D]

  const hidden = relu(linear(x, parameters.hiddenWeights, parameters.hiddenBias)); // [B, N]
  const refined = add(x, linear(hidden, parameters.outputWeights, parameters.outputBias)); // [B, D]
  return l2Normalise(refined);
}

/** The item itself, plus what is known of it. */
export function itemTower(
  parameters: ItemParameters,
  inputs: ItemInputs,
  featureSizes: readonly number[],
): Tensor {
  const identity = gatherRows(parameters.item, inputs.item); // [M, D]
  const features = categorical(parameters.features, inputs.features, featureSizes); // [M, D]
  const tags = average(parameters.tags, inputs.tags); // [M, D]
  let described = add(add(identity, features), tags); // [M, D]
  if (parameters.title !== undefined && inputs.title !== undefined)
    described = add(described, average(parameters.title, inputs.title));
  if (parameters.text !== undefined && inputs.text !== undefined)
    described = add(described, matmul(inputs.text, parameters.text));
  return l2Normalise(described);
}

/**
 * Attention over the history: to each head an item weighs by what it is and by how recent it is (its place), whatever
 * the candidate may be, since the user's vector must not depend on it. An empty history gives zeros.
 */
function attend(
  { history, attention, recency, heads }: UserParameters,
  { columns, places }: HistoryInputs,
): Tensor {
  const { graph } = history;
  const [blocks, rows, width] = places.shape as [Dimension, number, number];
  const [keys, count] = heads.shape as [number, number];
  const headCount = keys / count;
  // Scored once for each row of the table, then looked up: [items + 1, K] -> [E, W, K] -> [E, 1, K, W].
  const relevance = transpose(gatherRows(matmul(history, attention), columns), [0, 2, 1]);
  // Whoever has not a column looks up the last row, of a score that no softmax sees.
  const absent = graph.constant(new Float32Array(headCount).fill(-1e4), [1, headCount]);
  const recent = transpose(gatherRows(concat([recency, absent], 0), places), [0, 1, 3, 2]); // [E, R, K, W]
  const weights = softmax(add(recent, reshape(relevance, [blocks, 1, headCount, width]))); // [E, R, K, W]
  const pooled = matmul(reshape(weights, [blocks, rows * headCount, width]), gatherRows(history, columns));
  const users = typeof blocks === 'number' ? blocks * rows : blocks;
  const had = reshape(sum(where(present(places), 1, 0), [2]), [users, 1]);
  return matmul(where(greater(had, 0), reshape(pooled, [users, keys]), 0), heads); // [B, K D] -> [B, D]
}

/** The mean of the rows of a bag, zeros for an empty one: ids [M, T] -> [M, D]. */
function average(table: Tensor, ids: Tensor): Tensor {
  const [count, length] = ids.shape as [Dimension, number];
  const width = table.shape[1] as number;
  const weights = where(present(ids), 1, 0); // [M, T]
  const total = sum(weights, [1], true); // [M, 1]
  const share = div(weights, add(total, 1e-6)); // [M, T]
  return reshape(matmul(reshape(share, [count, 1, length]), gatherRows(table, ids)), [count, width]);
}

/**
 * The sum of the embeddings of several categorical features, which lie one after another in one table: values [B, P],
 * the value v of feature p being row v + the sizes of the features before it -> [B, D].
 */
function categorical(table: Tensor, values: Tensor, sizes: readonly number[]): Tensor {
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((total, size) => total + size, 0));
  const rows = add(values, values.graph.integers(starts)); // [B, P]
  return sum(gatherRows(table, rows), [1]);
}
