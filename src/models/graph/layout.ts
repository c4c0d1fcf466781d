import { type Dimension, resolveAxis, type Shape, sameShape, shapeError, sizeOf } from './shape.ts';
import type { Tensor } from './tensor.ts';

/** The same elements in another shape; at most one symbolic dimension, which must be in both. */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const symbols = shape.filter((dimension) => typeof dimension === 'string');
  const known = (dimensions: Shape) => dimensions.filter((dimension) => typeof dimension === 'number');
  const had = x.shape.filter((dimension) => typeof dimension === 'string');
  if (symbols.length > 1 || !sameShape(symbols, had) || sizeOf(known(shape)) !== sizeOf(known(x.shape))) {
    throw shapeError('reshape', [x.shape, shape], 'the number of elements must stay the same');
  }
  const target = x.graph.integers(shape.map((dimension) => (typeof dimension === 'string' ? -1 : dimension)));
  return x.graph.apply('Reshape', [x, target], { shape, type: x.type }, (gradient) => [
    reshape(gradient, x.shape),
  ]);
}

/** Axis i of the result is axis `permutation[i]` of x. */
export function transpose(x: Tensor, permutation: readonly number[]): Tensor {
  const shape = permutation.map((axis) => x.shape[axis]);
  if (shape.includes(undefined) || new Set(permutation).size !== x.shape.length) {
    throw shapeError('transpose', [x.shape, permutation], 'the permutation must name each axis once');
  }
  const inverse = permutation.map((_, axis) => permutation.indexOf(axis));
  return x.graph.apply(
    'Transpose',
    [x],
    { shape: shape as Dimension[], type: x.type, attributes: { perm: { ints: permutation } } },
    (gradient) => [transpose(gradient, inverse)],
  );
}

/** Elements from `start` up to `end` along one axis. */
function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const shape = x.shape.map((dimension, i) => (i === axis ? end - start : dimension));
  const { graph } = x;
  const bounds = [graph.integers([start]), graph.integers([end]), graph.integers([axis])];
  return graph.apply('Slice', [x, ...bounds], { shape });
}

/** Joins tensors along an axis; all other sizes must be equal. */
export function concat(parts: readonly Tensor[], axis: number): Tensor {
  const first = parts[0];
  if (first === undefined) throw shapeError('concat', [], 'there must be a tensor at least');
  const along = resolveAxis('concat', first.shape, axis);
  const ends: number[] = [];
  for (const part of parts) {
    const size = part.shape[along];
    const rest = part.shape.map((dimension, i) => (i === along ? 0 : dimension));
    const expected = first.shape.map((dimension, i) => (i === along ? 0 : dimension));
    if (typeof size !== 'number' || !sameShape(rest, expected)) {
      throw shapeError('concat', [first.shape, part.shape], `all sizes but axis ${along} must be equal`);
    }
    ends.push((ends.at(-1) ?? 0) + size);
  }
  const shape = first.shape.map((dimension, i) => (i === along ? (ends.at(-1) as number) : dimension));
  return first.graph.apply(
    'Concat',
    parts,
    { shape, type: first.type, attributes: { axis: { int: along } } },
    (gradient) => ends.map((end, i) => slice(gradient, along, ends[i - 1] ?? 0, end)),
  );
}

/**
 * Rows of a table by id: table [V, D], ids int64 of any shape S, result [...S, D]. An id of -1 is the last row.
 * The gradient with respect to the table adds up the gradients of repeated ids; V may be symbolic.
 */
export function gatherRows(table: Tensor, ids: Tensor): Tensor {
  const [rows, width] = table.shape;
  if (table.shape.length !== 2 || rows === undefined || width === undefined || ids.type !== 'int64') {
    throw shapeError('gatherRows', [table.shape, ids.shape], 'the table is [V, D] and the ids are int64');
  }
  const shape = [...ids.shape, width];
  const attributes = { axis: { int: 0 } };
  return table.graph.apply('Gather', [table, ids], { shape, attributes }, (gradient) => [
    scatterRows(table, ids, gradient),
    undefined,
  ]);
}

/** Zeros shaped as `table`, with each row of `updates` added at its id. */
function scatterRows(table: Tensor, ids: Tensor, updates: Tensor): Tensor {
  const { graph, shape } = table;
  const size = graph.apply('Shape', [table], { shape: [2], type: 'int64' });
  const zeros = graph.apply('ConstantOfShape', [size], { shape });
  const indices = reshape(ids, [...ids.shape, 1]);
  return graph.apply('ScatterND', [zeros, indices, updates], {
    shape,
    attributes: { reduction: { string: 'add' } },
  });
}

/** One element of each row: x [B, C], columns int64 [B], result [B]. */
export function pickColumns(x: Tensor, columns: Tensor): Tensor {
  const [rows, width] = x.shape;
  if (x.shape.length !== 2 || rows === undefined || typeof width !== 'number' || columns.type !== 'int64') {
    throw shapeError('pickColumns', [x.shape, columns.shape], 'x is [B, C] and columns int64 [B]');
  }
  if (!sameShape(columns.shape, [rows])) {
    throw shapeError('pickColumns', [x.shape, columns.shape], 'there must be one column for each row');
  }
  const { graph } = x;
  const attributes = { axis: { int: 1 } };
  const picked = graph.apply(
    'GatherElements',
    [x, reshape(columns, [rows, 1])],
    { shape: [rows, 1], attributes },
    (gradient) => {
      const size = graph.apply('Shape', [x], { shape: [2], type: 'int64' });
      const zeros = graph.apply('ConstantOfShape', [size], { shape: x.shape });
      const scattered = [zeros, reshape(columns, [rows, 1]), gradient];
      return [graph.apply('ScatterElements', scattered, { shape: x.shape, attributes }), undefined];
    },
  );
  return reshape(picked, [rows]);
}
