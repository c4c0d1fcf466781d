import {
  type Dimension,
  fixedSize,
  resolveAxis,
  type Shape,
  sameShape,
  shapeError,
  sizeOf,
} from './shape.ts';
import type { Tensor } from './tensor.ts';

/**
 * The same elements in another shape. Of its symbolic dimensions all but one must stand where they stand in x: the size
 * of that one follows from the rest.
 */
export function reshape(x: Tensor, shape: Shape): Tensor {
  if (sameShape(x.shape, shape)) return x;
  const isCopied = (dimension: Dimension, axis: number) => dimension === x.shape[axis];
  const inferred = shape.filter((dimension, i) => typeof dimension === 'string' && !isCopied(dimension, i));
  if (inferred.length > 1 || sizeOf(shape) !== sizeOf(x.shape)) {
    throw shapeError('reshape', [x.shape, shape], 'the number of elements must stay the same');
  }
  // ONNX: 0 copies the size of the same axis, -1 stands for what is left.
  const target = shape.map((dimension, axis) => {
    if (typeof dimension === 'number') return dimension;
    return isCopied(dimension, axis) ? 0 : -1;
  });
  const sizes = x.graph.integers(target);
  return x.graph.apply('Reshape', [x, sizes], { shape, type: x.type }, (gradient) => [
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

/** Elements from `start` up to `end` along an axis of fixed size. */
export function slice(x: Tensor, axis: number, start: number, end: number): Tensor {
  const along = resolveAxis('slice', x.shape, axis);
  const size = fixedSize('slice', x.shape, along);
  if (!(start >= 0 && start < end && end <= size)) {
    throw shapeError('slice', [x.shape, [start, end]], `the bounds must lie on axis ${along}`);
  }
  if (end - start === size) return x;
  const shape = x.shape.map((dimension, i) => (i === along ? end - start : dimension));
  const { graph } = x;
  const bounds = [graph.integers([start]), graph.integers([end]), graph.integers([along])];
  return graph.apply('Slice', [x, ...bounds], { shape, type: x.type }, (gradient) => [
    padded(gradient, x.shape, along, start),
  ]);
}

/** Zeros of the given shape around x, which begins at `start` of the axis. */
function padded(x: Tensor, shape: Shape, axis: number, start: number): Tensor {
  const before = shape.map((_, i) => (i === axis ? start : 0));
  const after = shape.map((dimension, i) =>
    i === axis ? (dimension as number) - start - (x.shape[i] as number) : 0,
  );
  return x.graph.apply('Pad', [x, x.graph.integers([...before, ...after])], { shape });
}

/** Cuts x along an axis into parts of the given sizes, which must add up to its size. */
export function split(x: Tensor, axis: number, sizes: readonly number[]): Tensor[] {
  const along = resolveAxis('split', x.shape, axis);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== x.shape[along]) {
    throw shapeError('split', [x.shape, sizes], `the parts must add up to axis ${along}`);
  }
  let start = 0;
  return sizes.map((size) => {
    start += size;
    return slice(x, along, start - size, start);
  });
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
export function scatterRows(table: Tensor, ids: Tensor, updates: Tensor): Tensor {
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

/** Some columns of x [B, C], each at most once, in the order that is given: [B, columns.length]. */
export function selectColumns(x: Tensor, columns: readonly number[]): Tensor {
  const [rows, width] = x.shape;
  if (x.shape.length !== 2 || rows === undefined || typeof width !== 'number') {
    throw shapeError('selectColumns', [x.shape], 'x is [B, C]');
  }
  const isThere = columns.every((column) => column >= 0 && column < width);
  if (!isThere || columns.length === 0 || new Set(columns).size !== columns.length) {
    throw shapeError('selectColumns', [x.shape, columns], 'columns lie on axis 1, each named once');
  }
  const attributes = { axis: { int: 1 } };
  const picked = (from: Tensor, at: readonly number[]) =>
    [[from, from.graph.integers(at)], { shape: [rows, at.length], attributes }] as const;
  return x.graph.apply('Gather', ...picked(x, columns), (gradient) => {
    // Those that were not selected find a column of zeros behind the last.
    const places = Array.from({ length: width }, (_, column) => columns.indexOf(column));
    const behind = padded(gradient, [rows, columns.length + 1], 1, 0);
    const taken = places.map((place) => (place < 0 ? columns.length : place));
    return [x.graph.apply('Gather', ...picked(behind, taken)), undefined];
  });
}
