import { reshape } from './layout.ts';
import { broadcast, resolveAxis, type Shape, sameShape, shapeError } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** Sum over the given axes (all when absent), which are kept with size 1 where `keep` is true. */
export function sum(x: Tensor, axes?: readonly number[], keep = false): Tensor {
  const over = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => resolveAxis('sum', x.shape, axis));
  if (over.length === 0) return x;
  const kept = x.shape.map((dimension, axis) => (over.includes(axis) ? 1 : dimension));
  const shape = keep ? kept : x.shape.filter((_, axis) => !over.includes(axis));
  const attributes = { keepdims: { int: keep ? 1 : 0 } };
  return x.graph.apply('ReduceSum', [x, x.graph.integers(over)], { shape, attributes }, (gradient) => [
    expandTo(reshape(gradient, kept), x),
  ]);
}

/** Repeats `x` along its axes of size 1 (and new leading ones) until it has the shape of `like`. */
export function expandTo(x: Tensor, like: Tensor): Tensor {
  if (sameShape(x.shape, like.shape)) return x;
  if (!sameShape(broadcast('expand', x.shape, like.shape), like.shape)) {
    throw shapeError('expand', [x.shape, like.shape], 'the first must stretch to the second');
  }
  const size = x.graph.apply('Shape', [like], { shape: [like.shape.length], type: 'int64' });
  return x.graph.apply('Expand', [x, size], { shape: like.shape }, (gradient) => [
    sumTo(gradient, x.shape),
    undefined,
  ]);
}

/** The reverse of broadcasting: sums over the axes that were stretched, so that the result has `shape`. */
export function sumTo(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const leading = x.shape.length - shape.length;
  const stretched = x.shape.flatMap((dimension, axis) =>
    axis < leading || dimension !== shape[axis - leading] ? [axis] : [],
  );
  return reshape(sum(x, stretched, true), shape);
}
