import { expandTo, sumTo } from './reduction.ts';
import { broadcast, sameShape } from './shape.ts';
import type { Tensor } from './tensor.ts';

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
export const tanh = (x: Tensor): Tensor => unary('Tanh', x, (g, y) => sub(g, mul(g, mul(y, y))));
export const sigmoid = (x: Tensor): Tensor =>
  unary('Sigmoid', x, (g, y) => mul(mul(g, y), sub(mul(y, -1), -1)));

/** A mask (bool): a > b, element by element. */
export function greater(a: Tensor, right: Operand): Tensor {
  const b = operand(a, right);
  return a.graph.apply('Greater', [a, b], { shape: broadcast('greater', a.shape, b.shape), type: 'bool' });
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
 * Inverted dropout (Srivastava et al. 2014): the mask is an input, drawn by the caller, holding 0 with
 * probability p and 1 / (1 - p) otherwise. Graphs have no randomness of their own.
 */
export function dropout(x: Tensor, mask: Tensor): Tensor {
  return mul(x, sameShape(x.shape, mask.shape) ? mask : expandTo(mask, x));
}
