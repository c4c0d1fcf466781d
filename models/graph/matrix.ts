import { reshape, transpose } from './layout.ts';
import { sumTo } from './reduction.ts';
import { broadcast, type Dimension, type Shape, sameShape, shapeError, sizeOf } from './shape.ts';
import type { Tensor } from './tensor.ts';

export type Transposed = { readonly transposeA?: boolean; readonly transposeB?: boolean };

/**
 * Matrix product over the last two axes, either operand optionally transposed there: [..., M, K] by [..., K, N]. The axes
 * before them must be equal, nothing is broadcast; but b may be one matrix [K, N] for all of a.
 */
export function matmul(
  a: Tensor,
  b: Tensor,
  { transposeA = false, transposeB = false }: Transposed = {},
): Tensor {
  const rank = a.shape.length;
  const [m, k] = lastTwo(a.shape, transposeA);
  const [k2, n] = lastTwo(b.shape, transposeB);
  const leading = a.shape.slice(0, -2);
  if (rank > 2 && b.shape.length === 2 && !transposeA && k === k2) {
    const product = matmul(rowsOf(a), b, { transposeB });
    return reshape(product, [...leading, m, n] as Dimension[]);
  }
  if (rank < 2 || b.shape.length !== rank || k !== k2 || !sameShape(leading, b.shape.slice(0, -2))) {
    throw shapeError('matmul', [a.shape, b.shape], 'it multiplies [..., M, K] by [..., K, N]');
  }
  const shape = [...leading, m, n] as Dimension[];
  const pullback = pullbackOfProduct(a, b, transposeA, transposeB);
  if (rank === 2) return gemm([a, b], shape, transposeA, transposeB, pullback);
  const left = transposeA ? swapLastTwo(a) : a;
  const right = transposeB ? swapLastTwo(b) : b;
  return a.graph.apply('MatMul', [left, right], { shape }, (g) => {
    const [da, db] = pullback(g);
    return [transposeA && da ? swapLastTwo(da) : da, transposeB && db ? swapLastTwo(db) : db];
  });
}

/**
 * a b + c of matrices, either of a and b optionally transposed; c has the shape of the product, or is one row of it or a
 * scalar.
 */
export function matmulAdd(
  a: Tensor,
  b: Tensor,
  c: Tensor,
  { transposeA = false, transposeB = false }: Transposed = {},
): Tensor {
  const { shape } = matmul(a, b, { transposeA, transposeB });
  if (shape.length !== 2 || !sameShape(broadcast('matmulAdd', shape, c.shape), shape)) {
    throw shapeError(
      'matmulAdd',
      [a.shape, b.shape, c.shape],
      'a and b are matrices, and c fits their product',
    );
  }
  const pullback = pullbackOfProduct(a, b, transposeA, transposeB);
  return gemm([a, b, c], shape, transposeA, transposeB, (g) => [...pullback(g), sumTo(g, c.shape)]);
}

/** The gradients of a and b from that of their product, each as it was given, transposed or not. */
function pullbackOfProduct(
  a: Tensor,
  b: Tensor,
  transposeA: boolean,
  transposeB: boolean,
): (gradient: Tensor) => Tensor[] {
  return (g) => [
    transposeA
      ? matmul(b, g, { transposeA: transposeB, transposeB: true })
      : matmul(g, b, { transposeB: !transposeB }),
    transposeB
      ? matmul(g, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, g, { transposeA: !transposeA }),
  ];
}

function gemm(
  inputs: readonly Tensor[],
  shape: Shape,
  transposeA: boolean,
  transposeB: boolean,
  pullback: (gradient: Tensor) => Tensor[],
): Tensor {
  const attributes = { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 } };
  return (inputs[0] as Tensor).graph.apply('Gemm', inputs, { shape, attributes }, pullback);
}

function lastTwo(shape: Shape, transposed: boolean): [Dimension | undefined, Dimension | undefined] {
  const [rows, columns] = shape.slice(-2);
  return transposed ? [columns, rows] : [rows, columns];
}

function swapLastTwo(x: Tensor): Tensor {
  const axes = x.shape.map((_, axis) => axis);
  const rank = axes.length;
  return transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]);
}

/** A dense layer: x [..., I] by weights [I, O], plus bias [O]. */
export function linear(x: Tensor, weights: Tensor, bias: Tensor): Tensor {
  const inputs = x.shape.at(-1);
  const [rows, outputs] = weights.shape;
  if (inputs === undefined || rows !== inputs || outputs === undefined) {
    throw shapeError('linear', [x.shape, weights.shape], 'x is [..., I] and the weights are [I, O]');
  }
  return reshape(matmulAdd(rowsOf(x), weights, bias), [...x.shape.slice(0, -1), outputs]);
}

/** [..., I] as one matrix [product of the rest, I]. */
export function rowsOf(x: Tensor): Tensor {
  return reshape(x, [sizeOf(x.shape.slice(0, -1)), x.shape.at(-1) as Dimension]);
}
