import { add } from './arithmetic.ts';
import { reshape, transpose } from './layout.ts';
import { type Dimension, type Shape, sameShape, shapeError } from './shape.ts';
import type { Tensor } from './tensor.ts';

export type Transposed = { readonly transposeA?: boolean; readonly transposeB?: boolean };

/**
 * Matrix product over the last two axes, either operand optionally transposed there: [..., M, K] by [..., K, N].
 * The axes before them must be equal; nothing is broadcast.
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
  if (rank < 2 || b.shape.length !== rank || k !== k2 || !sameShape(leading, b.shape.slice(0, -2))) {
    throw shapeError('matmul', [a.shape, b.shape], 'it multiplies [..., M, K] by [..., K, N]');
  }
  const shape = [...leading, m, n] as Dimension[];
  const pullback = (g: Tensor): Tensor[] => [
    transposeA
      ? matmul(b, g, { transposeA: transposeB, transposeB: true })
      : matmul(g, b, { transposeB: !transposeB }),
    transposeB
      ? matmul(g, a, { transposeA: true, transposeB: transposeA })
      : matmul(a, g, { transposeA: !transposeA }),
  ];
  if (rank === 2) {
    const attributes = { transA: { int: transposeA ? 1 : 0 }, transB: { int: transposeB ? 1 : 0 } };
    return a.graph.apply('Gemm', [a, b], { shape, attributes }, pullback);
  }
  const left = transposeA ? swapLastTwo(a) : a;
  const right = transposeB ? swapLastTwo(b) : b;
  return a.graph.apply('MatMul', [left, right], { shape }, (g) => {
    const [da, db] = pullback(g);
    return [transposeA && da ? swapLastTwo(da) : da, transposeB && db ? swapLastTwo(db) : db];
  });
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
  const flat = x.shape.length === 2 ? x : reshape(x, [flattened(x), inputs]);
  return reshape(add(matmul(flat, weights), bias), [...x.shape.slice(0, -1), outputs]);
}

function flattened(x: Tensor): Dimension {
  let size = 1;
  for (const dimension of x.shape.slice(0, -1)) {
    if (typeof dimension === 'string') throw shapeError('linear', [x.shape], 'above rank 2, sizes are fixed');
    size *= dimension;
  }
  return size;
}
