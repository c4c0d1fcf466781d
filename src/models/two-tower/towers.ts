import { add, div, present, relu, where } from '../graph/arithmetic.ts';
import { gatherRows, reshape } from '../graph/layout.ts';
import { linear, matmul } from '../graph/matrix.ts';
import { l2Normalise, softmax } from '../graph/normalisation.ts';
import { sum } from '../graph/reduction.ts';
import type { Tensor } from '../graph/tensor.ts';

// The two-tower model for retrieval (Covington et al. 2016, Yi et al. 2019): users and items are embedded in one
// space, each by its own tower, and the inner product of their vectors is the score. So all items can be embedded
// beforehand, and the best of them found by an index.
//
// Dimensions: B users, M items, H length of histories, P and F numbers of categorical features, T tags of an item,
// D width of embeddings and of vectors, N width of the hidden layer. Ids are int64; -1 pads histories and bags.
// The same functions build the graph that trains and the graphs that serve.

/** What is learned. A table of ids has its rows in the order of the ids; those of items end with the unknown item. */
export type UserParameters = {
  readonly user: Tensor; // [users, D]
  readonly history: Tensor; // [items + 1, D]: an item as something that was consumed, not as a candidate
  readonly profile: Tensor; // [sum of cardinalities, D]
  readonly attention: Tensor; // [D, 1]
  readonly recency: Tensor; // [H]
  readonly hiddenWeights: Tensor; // [D, N]
  readonly hiddenBias: Tensor; // [N]
  readonly outputWeights: Tensor; // [N, D]
  readonly outputBias: Tensor; // [D]
};

export type ItemParameters = {
  readonly item: Tensor; // [items + 1, D]
  readonly features: Tensor; // [sum of cardinalities, D]
  readonly tags: Tensor; // [tags, D]
};

export type UserInputs = {
  readonly user: Tensor; // [B]
  readonly history: Tensor; // [B, H], newest first
  readonly profile: Tensor; // [B, P]
};

export type ItemInputs = {
  readonly item: Tensor; // [M], -1 for an item that was not trained
  readonly features: Tensor; // [M, F]
  readonly tags: Tensor; // [M, T]
};

/** Who the user is, plus what the user did, through one residual layer. */
export function userTower(
  parameters: UserParameters,
  inputs: UserInputs,
  profileSizes: readonly number[],
): Tensor {
  const identity = gatherRows(parameters.user, inputs.user); // [B, D]
  const history = attend(parameters, inputs.history); // [B, D]
  const profile = categorical(parameters.profile, inputs.profile, profileSizes); // [B, D]
  const x = add(add(identity, history), profile); // [B, D]

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
  return l2Normalise(add(add(identity, features), tags));
}

/**
 * Attention over the history: an item weighs by what it is and by how recent it is (its place), whatever the
 * candidate may be, since the user's vector must not depend on it. An empty history gives zeros.
 */
function attend({ history, attention, recency }: UserParameters, ids: Tensor): Tensor {
  const [batch, length] = ids.shape as [number, number];
  const width = history.shape[1] as number;
  // Scored once for each row of the table, then looked up: [items + 1, 1] -> [B, H].
  const relevance = reshape(gatherRows(matmul(history, attention), ids), [batch, length]);
  const known = present(ids); // [B, H]
  const scores = where(known, add(relevance, recency), -1e4); // [B, H]
  const weights = where(known, softmax(scores), 0); // [B, H]
  return weightedSum(weights, gatherRows(history, ids), width); // [B, D]
}

/** The mean of the rows of a bag, zeros for an empty one: ids [M, T] -> [M, D]. */
function average(table: Tensor, ids: Tensor): Tensor {
  const weights = where(present(ids), 1, 0); // [M, T]
  const count = sum(weights, [1], true); // [M, 1]
  const share = div(weights, add(count, 1e-6)); // [M, T]
  return weightedSum(share, gatherRows(table, ids), table.shape[1] as number);
}

/** weights [B, H] by rows [B, H, D] -> [B, D] */
function weightedSum(weights: Tensor, rows: Tensor, width: number): Tensor {
  const [batch, length] = weights.shape as [number, number];
  return reshape(matmul(reshape(weights, [batch, 1, length]), rows), [batch, width]);
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
