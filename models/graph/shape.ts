import { InputError } from '#platform';

/** A size, or the name of a size that is known only when the graph runs (`'batch'`), or such a product (`'batch*100'`). */
export type Dimension = number | string;
export type Shape = readonly Dimension[];

export const formatShape = (shape: Shape): string => `[${shape.join(', ')}]`;

/** The error of every operator that gets operands of shapes it can't take: names the operation and the shapes. */
export function shapeError(operation: string, shapes: readonly Shape[], rule: string): InputError {
  return new InputError(
    'MR_GRAPH_SHAPE',
    `${operation}: ${shapes.map(formatShape).join(' and ')} do not fit: ${rule}`,
    { hint: 'Check the shapes of the tensors where the graph is built.' },
  );
}

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dimension, i) => dimension === b[i]);

/** The shape of `a op b` under the rules of numpy: aligned at the right, a 1 stretches. */
export function broadcast(operation: string, a: Shape, b: Shape): Shape {
  const rank = Math.max(a.length, b.length);
  const result: Dimension[] = [];
  for (let i = 0; i < rank; i++) {
    const left = a[i - rank + a.length] ?? 1;
    const right = b[i - rank + b.length] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw shapeError(operation, [a, b], 'aligned at the right, sizes must be equal or 1');
    }
    result.push(left === 1 ? right : left);
  }
  return result;
}

/** `axis` counted from 0; negative ones count from the end. */
export function resolveAxis(operation: string, shape: Shape, axis: number): number {
  const resolved = axis < 0 ? axis + shape.length : axis;
  if (resolved < 0 || resolved >= shape.length || !Number.isInteger(axis)) {
    throw shapeError(operation, [shape, [axis]], 'the axis lies outside of the shape');
  }
  return resolved;
}

/** The number of elements: a number, or where dimensions are symbolic a name, equal for equal products. */
export function sizeOf(shape: Shape): Dimension {
  const factors = shape.flatMap((dimension) => String(dimension).split('*'));
  const symbols = factors.filter((factor) => Number.isNaN(Number(factor))).sort();
  const known = factors
    .map(Number)
    .reduce((product, size) => (Number.isNaN(size) ? product : product * size), 1);
  if (symbols.length === 0) return known;
  return [...symbols, ...(known === 1 ? [] : [known])].join('*');
}

/** The size of one axis that must be known when the graph is built. */
export function fixedSize(operation: string, shape: Shape, axis: number): number {
  const size = shape[axis];
  if (typeof size !== 'number') throw shapeError(operation, [shape], `axis ${axis} must have a fixed size`);
  return size;
}
