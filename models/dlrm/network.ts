import { add, relu } from '../graph/arithmetic.ts';
import { concat, reshape, selectColumns } from '../graph/layout.ts';
import { linear, matmul, matmulAdd } from '../graph/matrix.ts';
import { type Dimension, sizeOf } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';
import { hiddenLayerNames } from '../optimise/hidden-layers.ts';
import type { SideName } from './parameters.ts';

// Deep learning recommendation model (DLRM, Naumov et al. 2019): dense features become a vector by layers at the bottom,
// each sparse feature is one by its embedding, and layers at the top read the products of all pairs of these vectors,
// beside the dense ones. Users, with the context of their request, and items have each their layers at the bottom, where
// the paper has one for both: so all of an item that does not depend on the user is computed once a version, its
// products and their part of the first layer at the top included.
//
// Dimensions: B rows, D length of vectors, NU and NI vectors of a user and of an item, H width of the first layer.

type Named = ReadonlyMap<string, Tensor>;

/** What the rest of the network reads of users or items: their vectors [B, N, D], and their part of the first layer [B, H]. */
export type Side = { readonly vectors: Tensor; readonly first: Tensor };

/** Parameters of a side. */
export const sideParameters = (side: SideName): readonly string[] => [
  ...['BottomWeights', 'BottomBias', 'VectorWeights', 'VectorBias', 'Weights'].map((name) => side + name),
  ...(side === 'item' ? ['firstBias'] : []),
];

/** From normalised dense features [B, W] and the sums of the sparse features' embeddings [B, F, D]. */
export function sideOf(named: Named, side: SideName, dense: Tensor, sums: Tensor): Side {
  const parameter = (name: string) => named.get(name) as Tensor;
  const hidden = relu(linear(dense, parameter(`${side}BottomWeights`), parameter(`${side}BottomBias`)));
  const vector = linear(hidden, parameter(`${side}VectorWeights`), parameter(`${side}VectorBias`)); // [B, D]
  const [rows, width] = vector.shape as [Dimension, number];
  const ofDense = reshape(vector, [rows, 1, width]);
  const vectors = sums.shape[1] === 0 ? ofDense : concat([ofDense, sums], 1); // [B, N, D]
  const products = productsWithin(vectors);
  const own = products === undefined ? vector : concat([vector, products], 1);
  const weights = parameter(`${side}Weights`);
  const first = side === 'item' ? matmulAdd(own, weights, parameter('firstBias')) : matmul(own, weights);
  return { vectors, first };
}

/** Of each pair of different vectors once: [B, N (N - 1) / 2]; undefined where there is one vector. */
function productsWithin(vectors: Tensor): Tensor | undefined {
  const [rows, count] = vectors.shape as [Dimension, number];
  if (count === 1) return undefined;
  const all = reshape(matmul(vectors, vectors, { transposeB: true }), [rows, count * count]);
  const pairs = Array.from({ length: count * count }, (_, at) => at).filter(
    (at) => at % count > Math.floor(at / count),
  );
  return selectColumns(all, pairs);
}

/** Of users and items row by row: what the heads come to, [B, heads]. */
export function network(named: Named, user: Side, item: Side, topLayers: number): Tensor {
  const [rows, items] = item.vectors.shape as [Dimension, number];
  const users = user.vectors.shape[1] as number;
  const across = matmul(item.vectors, user.vectors, { transposeB: true }); // [B, NI, NU]
  return top(named, reshape(across, [rows, items * users]), user, item, topLayers);
}

/** The same of one user [1, ...] and all of their candidates [C, ...], whose products are then one matrix product. */
export function networkOfOne(named: Named, user: Side, item: Side, topLayers: number): Tensor {
  const [rows, items, width] = item.vectors.shape as [Dimension, number, number];
  const users = user.vectors.shape[1] as number;
  const flat = reshape(item.vectors, [sizeOf([rows, items]), width]); // [C NI, D]
  const across = matmul(flat, reshape(user.vectors, [users, width]), { transposeB: true }); // [C NI, NU]
  return top(named, reshape(across, [rows, items * users]), user, item, topLayers);
}

/** Parameters of `network` beyond those of the sides. */
export const topParameters = (topLayers: number): readonly string[] => [
  'crossWeights',
  ...hiddenLayerNames(topLayers),
  'headWeights',
  'headBias',
];

/** `across` are the products of each item's vectors with those of the user, [B, NI NU]. */
function top(named: Named, across: Tensor, user: Side, item: Side, layers: number): Tensor {
  const parameter = (name: string) => named.get(name) as Tensor;
  let x = relu(add(add(matmul(across, parameter('crossWeights')), item.first), user.first)); // [B, H]
  for (let layer = 1; layer < layers; layer++) {
    x = relu(linear(x, parameter(`weights ${layer}`), parameter(`bias ${layer}`)));
  }
  return linear(x, parameter('headWeights'), parameter('headBias'));
}
