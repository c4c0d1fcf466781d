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
// products and their part of the first layer at the top included. What changes of an item from moment to moment, and what
// is known of the user and the item together, is a third side, the candidate's, which each request computes.
//
// Dimensions: B rows, D length of vectors, NU, NI and NC vectors of a user, an item and a candidate, H width of the first
// layer.

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

/** The products of each pair of different vectors once: [B, N (N - 1) / 2]; undefined where there is one vector. */
function productsWithin(vectors: Tensor): Tensor | undefined {
  const [rows, count] = vectors.shape as [Dimension, number];
  if (count === 1) return undefined;
  const all = reshape(matmul(vectors, vectors, { transposeB: true }), [rows, count * count]);
  const pairs = Array.from({ length: count * count }, (_, at) => at).filter(
    (at) => at % count > Math.floor(at / count),
  );
  return selectColumns(all, pairs);
}

/** What the sides come to for each row; a network without candidates' features has no such side. */
export type Sides = { readonly user: Side; readonly item: Side; readonly candidate: Side | undefined };

/** What the heads come to, [B, heads], where all sides are row by row. */
export function network(named: Named, sides: Sides, topLayers: number): Tensor {
  const vectors = shownVectors(sides);
  const [rows, items] = vectors.shape as [Dimension, number];
  const users = sides.user.vectors.shape[1] as number;
  const across = matmul(vectors, sides.user.vectors, { transposeB: true }); // [B, NI + NC, NU]
  return top(named, reshape(across, [rows, items * users]), sides, topLayers);
}

/** The same for one user [1, ...] and all of their candidates [C, ...], whose products are then one matrix product. */
export function networkOfOne(named: Named, sides: Sides, topLayers: number): Tensor {
  const vectors = shownVectors(sides);
  const [rows, items, width] = vectors.shape as [Dimension, number, number];
  const users = sides.user.vectors.shape[1] as number;
  const flat = reshape(vectors, [sizeOf([rows, items]), width]); // [C (NI + NC), D]
  const across = matmul(flat, reshape(sides.user.vectors, [users, width]), { transposeB: true });
  return top(named, reshape(across, [rows, items * users]), sides, topLayers);
}

/** The vectors of what is shown: those of the item, then those of the candidate. */
function shownVectors({ item, candidate }: Sides): Tensor {
  return candidate === undefined ? item.vectors : concat([item.vectors, candidate.vectors], 1);
}

/** Parameters of `network` beyond those of the sides. */
export const topParameters = (topLayers: number): readonly string[] => [
  'crossWeights',
  ...hiddenLayerNames(topLayers),
  'headWeights',
  'headBias',
];

/** `across` are the products of the vectors of what is shown with those of the user, [B, (NI + NC) NU]. */
function top(named: Named, across: Tensor, { user, item, candidate }: Sides, layers: number): Tensor {
  const parameter = (name: string) => named.get(name) as Tensor;
  const products = candidate === undefined ? across : concat([across, productsOf(item, candidate)], 1);
  const shown = add(matmul(products, parameter('crossWeights')), item.first);
  const first = add(shown, user.first);
  let x = relu(candidate === undefined ? first : add(first, candidate.first)); // [B, H]
  for (let layer = 1; layer < layers; layer++) {
    x = relu(linear(x, parameter(`weights ${layer}`), parameter(`bias ${layer}`)));
  }
  return linear(x, parameter('headWeights'), parameter('headBias'));
}

/** Row by row: [B, NI NC]. */
function productsOf({ vectors: items }: Side, { vectors: candidates }: Side): Tensor {
  const [rows, own] = items.shape as [Dimension, number];
  const others = candidates.shape[1] as number;
  return reshape(matmul(items, candidates, { transposeB: true }), [rows, own * others]);
}
