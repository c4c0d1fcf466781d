import { add, mul, relu } from '../graph/arithmetic.ts';
import { reshape } from '../graph/layout.ts';
import { linear, matmul, matmulAdd } from '../graph/matrix.ts';
import { sum } from '../graph/reduction.ts';
import type { Dimension } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { hiddenLayerNames } from '../optimise/hidden-layers.ts';

// Neural matrix factorisation (NeuMF, He et al. 2017): the logit of a user and an item is a weighted sum of the products of
// their factors (generalised matrix factorisation) and of what layers make of their embeddings, which are others. It is
// learned as a whole from the start; the paper trains the two parts by themselves first.
//
// A first layer over the embeddings of both, one after the other, is a sum of a part of the user and a part of the item. So
// these parts, and the factors times their weights, are computed once for each user and each item of a step, and once a
// version for all of them.
//
// Dimensions: F factors, E length of embeddings, H width of the first layer; U users and V items of a step, B users of
// rows, S items for each of them.

type Named = ReadonlyMap<string, Tensor>;

/** What the rest of the network reads of users or items: factors [N, F], and their part of the first layer [N, H]. */
export type Side = { readonly factors: Tensor; readonly hidden: Tensor };

export function userSide(dense: Named, factors: Tensor, embeddings: Tensor): Side {
  return {
    factors: mul(factors, dense.get('factorWeights') as Tensor),
    hidden: matmul(embeddings, dense.get('userWeights') as Tensor),
  };
}

export function itemSide(dense: Named, factors: Tensor, embeddings: Tensor): Side {
  const [weights, bias] = [dense.get('itemWeights') as Tensor, dense.get('firstBias') as Tensor];
  return { factors, hidden: matmulAdd(embeddings, weights, bias) };
}

/** Parameters of `logits`; those of further layers are there in the order of the layers. */
export const headParameters = (layers: number): readonly string[] => [
  ...hiddenLayerNames(layers),
  'hiddenWeights',
  'bias',
];

/** [B, S]; the logit of each user [B, ...] with each of their items [B, S, ...]. */
export function logits(dense: Named, user: Side, item: Side, layers: number): Tensor {
  const named = (name: string) => dense.get(name) as Tensor;
  const [rows, each, width] = item.hidden.shape as [Dimension, Dimension, number];
  const beside = (x: Tensor) => reshape(x, [rows, 1, x.shape[1] as Dimension]);
  const product = sum(mul(beside(user.factors), item.factors), [2]); // [B, S]
  let x = reshape(relu(add(beside(user.hidden), item.hidden)), [rows, each, width]); // [B, S, H]
  for (let layer = 1; layer < layers; layer++) {
    x = relu(linear(x, named(`weights ${layer}`), named(`bias ${layer}`)));
  }
  const output = linear(x, named('hiddenWeights'), named('bias')); // [B, S, 1]
  return add(product, reshape(output, [rows, each]));
}
