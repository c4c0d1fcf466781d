import { add, div, mul, sqrt, sub } from './arithmetic.ts';
import { sum } from './reduction.ts';
import { fixedSize, resolveAxis, sameShape, shapeError } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** Mean over the given axes (all when absent), which must have fixed sizes. */
export function mean(x: Tensor, axes?: readonly number[], keep = false): Tensor {
  const over = (axes ?? x.shape.map((_, axis) => axis)).map((axis) => resolveAxis('mean', x.shape, axis));
  const count = over.reduce((product, axis) => product * fixedSize('mean', x.shape, axis), 1);
  return div(sum(x, over, keep), count);
}

/** exp(x) over its sum along an axis. */
export function softmax(x: Tensor, axis = -1): Tensor {
  const along = resolveAxis('softmax', x.shape, axis);
  const attributes = { axis: { int: along } };
  const result: Tensor = x.graph.apply('Softmax', [x], { shape: x.shape, attributes }, (gradient) => {
    const weighted = mul(gradient, result);
    return [sub(weighted, mul(result, sum(weighted, [along], true)))];
  });
  return result;
}

/** log of softmax, computed without overflow. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const along = resolveAxis('logSoftmax', x.shape, axis);
  const attributes = { axis: { int: along } };
  return x.graph.apply('LogSoftmax', [x], { shape: x.shape, attributes }, (gradient) => [
    sub(gradient, mul(softmax(x, along), sum(gradient, [along], true))),
  ]);
}

/** x divided by its Euclidean norm along the last axis; the epsilon keeps a row of zeros finite. */
export function l2Normalise(x: Tensor): Tensor {
  const squares = sum(mul(x, x), [-1], true);
  return div(x, sqrt(add(squares, 1e-12)));
}

const layerNormEpsilon = 1e-5;

/**
 * Layer normalisation (Ba et al. 2016) over the last axis, of size D: mean 0 and deviation 1, then gain [D] and bias [D].
 */
export function layerNorm(x: Tensor, gain: Tensor, bias: Tensor): Tensor {
  const size = x.shape.at(-1) as number;
  if (!sameShape(gain.shape, [size]) || !sameShape(bias.shape, [size])) {
    throw shapeError('layerNorm', [x.shape, gain.shape, bias.shape], 'x is [..., D], gain and bias are [D]');
  }
  return add(mul(standardise(x), gain), bias);
}

/** (x - mean) / deviation along the last axis. Its gradient as a whole is shorter than that of its parts. */
function standardise(x: Tensor): Tensor {
  const centred = sub(x, mean(x, [-1], true));
  const deviation = sqrt(add(mean(mul(centred, centred), [-1], true), layerNormEpsilon));
  const result: Tensor = x.graph.apply(
    'Div',
    [centred, deviation],
    { shape: x.shape },
    (g) => {
      const along = mul(result, mean(mul(g, result), [-1], true));
      return [div(sub(sub(g, mean(g, [-1], true)), along), deviation)];
    },
    [x],
  );
  return result;
}
