import { sumTo } from './reduction.ts';
import { broadcast, sameShape, shapeError } from './shape.ts';
import { elementTypes, type Tensor } from './tensor.ts';

/** A tensor, or a number that stands for a scalar constant. */
export type Operand = Tensor | number;

const operand = (like: Tensor, value: Operand): Tensor =>
  typeof value === 'number' ? like.graph.scalar(value) : value;

/** An element-wise operation of two operands under broadcasting; `rule` gives both gradients before summing back. */
function binary(
  operation: string,
  a: Tensor,
  right: Operand,
  rule: (gradient: Tensor, b: Tensor, result: Tensor) => readonly [Tensor, Tensor],
): Tensor {
  const b = operand(a, right);
  const shape = broadcast(operation.toLowerCase(), a.shape, b.shape);
  const result: Tensor = a.graph.apply(operation, [a, b], { shape, type: a.type }, (gradient) => {
    const [da, db] = rule(gradient, b, result);
    return [sumTo(da, a.shape), sumTo(db, b.shape)];
  });
  return result;
}

export const add = (a: Tensor, b: Operand): Tensor => binary('Add', a, b, (g) => [g, g]);
export const sub = (a: Tensor, b: Operand): Tensor => binary('Sub', a, b, (g) => [g, neg(g)]);
export const mul = (a: Tensor, b: Operand): Tensor => binary('Mul', a, b, (g, y) => [mul(g, y), mul(g, a)]);
export const div = (a: Tensor, b: Operand): Tensor =>
  binary('Div', a, b, (g, y, quotient) => {
    const da = div(g, y);
    return [da, neg(mul(da, quotient))];
  });

/** An element-wise operation of one operand; `rule` is its derivative times the gradient. */
function unary(operation: string, x: Tensor, rule: (gradient: Tensor, result: Tensor) => Tensor): Tensor {
  const result: Tensor = x.graph.apply(operation, [x], { shape: x.shape }, (gradient) => [
    rule(gradient, result),
  ]);
  return result;
}

export const neg = (x: Tensor): Tensor => unary('Neg', x, (g) => neg(g));
export const exp = (x: Tensor): Tensor => unary('Exp', x, (g, y) => mul(g, y));
export const log = (x: Tensor): Tensor => unary('Log', x, (g) => div(g, x));
export const sqrt = (x: Tensor): Tensor => unary('Sqrt', x, (g, y) => div(mul(g, 0.5), y));
export const relu = (x: Tensor): Tensor => unary('Relu', x, (g) => where(greater(x, 0), g, 0));
export const sigmoid = (x: Tensor): Tensor => unary('Sigmoid', x, (g, y) => mul(g, sub(y, mul(y, y))));
/** log(1 + exp(x)), which neither overflows nor rounds to 0 early. */
export const softplus = (x: Tensor): Tensor => unary('Softplus', x, (g) => mul(g, sigmoid(x)));
const erf = (x: Tensor): Tensor =>
  unary('Erf', x, (g) => mul(mul(g, 2 / Math.sqrt(Math.PI)), exp(neg(mul(x, x)))));
/** Gaussian error linear unit, exact (Hendrycks and Gimpel 2016). */
export const gelu = (x: Tensor): Tensor => mul(mul(x, 0.5), add(erf(mul(x, Math.SQRT1_2)), 1));

/** A mask (bool): a > b, element by element. */
export function greater(a: Tensor, right: Operand): Tensor {
  const b = operand(a, right);
  return a.graph.apply('Greater', [a, b], { shape: broadcast('greater', a.shape, b.shape), type: 'bool' });
}

/** A mask (bool): a = b, element by element; of ids too. */
export function equal(a: Tensor, b: Tensor): Tensor {
  return a.graph.apply('Equal', [a, b], { shape: broadcast('equal', a.shape, b.shape), type: 'bool' });
}

/** A mask (bool) of what both masks hold. */
export function and(a: Tensor, b: Tensor): Tensor {
  return a.graph.apply('And', [a, b], { shape: broadcast('and', a.shape, b.shape), type: 'bool' });
}

/** Floats as ids, or ids as floats; nothing is differentiated through it. */
export function cast(x: Tensor, type: 'float' | 'int64'): Tensor {
  return x.graph.apply('Cast', [x], {
    shape: x.shape,
    type,
    attributes: { to: { int: elementTypes[type] } },
  });
}

/** A mask (bool) of the ids that are not padding, which is any negative id. */
export function present(ids: Tensor): Tensor {
  const minusOne = ids.graph.constant(BigInt64Array.of(-1n), []);
  return ids.graph.apply('Greater', [ids, minusOne], { shape: ids.shape, type: 'bool' });
}

/** `a` where the mask holds, else `b`; all three are broadcast together. */
export function where(mask: Tensor, left: Operand, right: Operand): Tensor {
  const a = operand(mask, left);
  const b = operand(mask, right);
  const shape = broadcast('where', broadcast('where', a.shape, b.shape), mask.shape);
  return mask.graph.apply('Where', [mask, a, b], { shape }, (gradient) => [
    undefined,
    sumTo(where(mask, gradient, 0), a.shape),
    sumTo(where(mask, 0, gradient), b.shape),
  ]);
}

/**
 * Inverted dropout (Srivastava et al. 2014): what the mask `kept` (bool) does not hold becomes 0, and the rest grows by
 * 1 / (1 - share), share being the probability of 0. Graphs have no randomness of their own: the mask is an input, see
 * `dropoutMask`.
 */
export function dropout(x: Tensor, kept: Tensor, share: number): Tensor {
  if (kept.type !== 'bool' || !sameShape(kept.shape, x.shape)) {
    throw shapeError('dropout', [x.shape, kept.shape], 'the mask is bool, and of the same shape');
  }
  return where(kept, mul(x, 1 / (1 - share)), 0);
}
