import assert from 'node:assert/strict';
import test from 'node:test';
import {
  add,
  div,
  dropout,
  exp,
  gelu,
  greater,
  log,
  mul,
  neg,
  present,
  relu,
  sigmoid,
  softplus,
  sqrt,
  sub,
  where,
} from './arithmetic.ts';
import { gradients } from './gradients.ts';
import {
  concat,
  gatherRows,
  pickColumns,
  reshape,
  selectColumns,
  slice,
  split,
  transpose,
} from './layout.ts';
import { causalSegments } from './masks.ts';
import { linear, matmul, matmulAdd } from './matrix.ts';
import { l2Normalise, layerNorm, logSoftmax, mean, softmax } from './normalisation.ts';
import { expandTo, sum } from './reduction.ts';
import { Graph, type Tensor } from './tensor.ts';
import { assertGradients, type Case, ids, positive } from './testing/finite-differences.ts';

const awayFromZero = (x: number) => (Math.abs(x) < 0.1 ? x + 0.3 : x);

const cases: Record<string, Case> = {
  'add, equal shapes': {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    build: (a, b) => add(a, b),
  },
  'add, row': { shapes: [[2, 3], [3]], build: (a, b) => add(a, b) },
  'add, column': {
    shapes: [
      [2, 1],
      [2, 3],
    ],
    build: (a, b) => add(a, b),
  },
  'add, scalar': { shapes: [[2, 3], []], build: (a, b) => add(a, b) },
  'sub, row from column': {
    shapes: [
      [2, 1],
      [1, 3],
    ],
    build: (a, b) => sub(a, b),
  },
  'mul, row': {
    shapes: [
      [2, 3],
      [1, 3],
    ],
    build: (a, b) => mul(a, b),
  },
  'mul, number': { shapes: [[2, 3]], build: (a) => mul(a, -1.5) },
  'div, column': {
    shapes: [
      [2, 3],
      [2, 1],
    ],
    build: (a, b) => div(a, b),
    domain: positive,
  },
  'the same tensor used twice': { shapes: [[2, 3]], build: (a) => mul(a, add(a, a)) },
  neg: { shapes: [[4]], build: (a) => neg(a) },
  exp: { shapes: [[4]], build: (a) => exp(a) },
  log: { shapes: [[4]], build: (a) => log(a), domain: positive },
  sqrt: { shapes: [[4]], build: (a) => sqrt(a), domain: positive },
  relu: { shapes: [[3, 3]], build: (a) => relu(a), domain: awayFromZero },
  sigmoid: { shapes: [[4]], build: (a) => sigmoid(a) },
  softplus: { shapes: [[4]], build: (a) => softplus(a) },
  'where, broadcast': {
    shapes: [[2, 3], [3]],
    build: (a, b) => where(greater(a, 0), a, b),
    domain: awayFromZero,
  },
  'mask of padding': {
    shapes: [[2, 3]],
    build: (a) => where(present(ids(a.graph, [0, -1, 2, -1, 4, 5], [2, 3])), a, 0),
  },
  gelu: { shapes: [[4]], build: (a) => gelu(a) },
  dropout: {
    shapes: [[2, 3]],
    build: (a) => dropout(a, present(ids(a.graph, [0, -1, 2, -1, -1, 5], [2, 3])), 0.25),
  },
  matmul: {
    shapes: [
      [2, 3],
      [3, 4],
    ],
    build: (a, b) => matmul(a, b),
  },
  'matmul, A transposed': {
    shapes: [
      [3, 2],
      [3, 4],
    ],
    build: (a, b) => matmul(a, b, { transposeA: true }),
  },
  'matmul, B transposed': {
    shapes: [
      [2, 3],
      [4, 3],
    ],
    build: (a, b) => matmul(a, b, { transposeB: true }),
  },
  'matmul, both transposed': {
    shapes: [
      [3, 2],
      [4, 3],
    ],
    build: (a, b) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  'matmul, batch': {
    shapes: [
      [2, 2, 3],
      [2, 3, 2],
    ],
    build: (a, b) => matmul(a, b),
  },
  'matmul, batch, both transposed': {
    shapes: [
      [2, 3, 2],
      [2, 2, 3],
    ],
    build: (a, b) => matmul(a, b, { transposeA: true, transposeB: true }),
  },
  'matmul, one matrix for a batch': {
    shapes: [
      [2, 2, 3],
      [3, 2],
    ],
    build: (a, b) => matmul(a, b),
  },
  'matmul, one transposed matrix for a batch': {
    shapes: [
      [2, 2, 3],
      [2, 3],
    ],
    build: (a, b) => matmul(a, b, { transposeB: true }),
  },
  'matmulAdd, a row': { shapes: [[2, 3], [3, 4], [4]], build: (a, b, c) => matmulAdd(a, b, c) },
  'matmulAdd, a matrix, both transposed': {
    shapes: [
      [3, 2],
      [4, 3],
      [2, 4],
    ],
    build: (a, b, c) => matmulAdd(a, b, c, { transposeA: true, transposeB: true }),
  },
  linear: { shapes: [[2, 3], [3, 2], [2]], build: (x, w, b) => linear(x, w, b) },
  'linear, rank 3': { shapes: [[2, 2, 3], [3, 2], [2]], build: (x, w, b) => linear(x, w, b) },
  'sum of all': { shapes: [[2, 3]], build: (a) => sum(mul(a, a)) },
  'sum over rows': { shapes: [[2, 3]], build: (a) => sum(a, [0]) },
  'sum over the last axis, kept': { shapes: [[2, 3]], build: (a) => sum(a, [-1], true) },
  'mean over two axes': { shapes: [[2, 3, 2]], build: (a) => mean(a, [0, 2]) },
  'mean of all': { shapes: [[2, 3]], build: (a) => mean(a) },
  expandTo: { shapes: [[3], [2, 3]], build: (a, b) => mul(expandTo(a, b), b) },
  'gather of rows, ids repeated and -1': {
    shapes: [[4, 3]],
    build: (a) => gatherRows(a, ids(a.graph, [2, 0, 2, -1, 3, 2], [3, 2])),
  },
  'concat, last axis': {
    shapes: [
      [2, 3],
      [2, 1],
      [2, 2],
    ],
    build: (a, b, c) => concat([a, b, c], -1),
  },
  'concat, first axis': {
    shapes: [
      [1, 3],
      [2, 3],
    ],
    build: (a, b) => concat([a, b], 0),
  },
  slice: { shapes: [[2, 5]], build: (a) => slice(a, 1, 1, 4) },
  'slice, first axis, to the end': { shapes: [[4, 2]], build: (a) => slice(a, 0, 2, 4) },
  split: {
    shapes: [[2, 5]],
    build: (a) => {
      const [left, middle, right] = split(a, -1, [2, 1, 2]) as [Tensor, Tensor, Tensor];
      return add(mul(left, middle), right);
    },
  },
  reshape: { shapes: [[2, 6]], build: (a) => reshape(a, [3, 4]) },
  transpose: { shapes: [[2, 3, 4]], build: (a) => transpose(a, [2, 0, 1]) },
  pickColumns: { shapes: [[3, 4]], build: (a) => pickColumns(a, ids(a.graph, [1, 3, 0], [3])) },
  selectColumns: { shapes: [[3, 5]], build: (a) => selectColumns(a, [4, 0, 2]) },
  'softmax, last axis': { shapes: [[2, 4]], build: (a) => softmax(a) },
  'softmax, first axis': { shapes: [[3, 2]], build: (a) => softmax(a, 0) },
  logSoftmax: { shapes: [[2, 4]], build: (a) => logSoftmax(a) },
  layerNorm: { shapes: [[2, 4], [4], [4]], build: (a, b, c) => layerNorm(a, b, c) },
  'layerNorm, rank 3': { shapes: [[2, 2, 4], [4], [4]], build: (a, b, c) => layerNorm(a, b, c) },
  'attention among earlier positions of the same segment': {
    shapes: [
      [2, 4, 3],
      [2, 4, 3],
      [2, 4, 2],
    ],
    build: (queries, keys, values) => {
      const segments = ids(queries.graph, [0, 0, 1, 1, 0, 0, 0, 1], [2, 4]);
      const scores = matmul(queries, keys, { transposeB: true });
      return matmul(softmax(add(scores, causalSegments(segments))), values);
    },
  },
  l2Normalise: { shapes: [[2, 4]], build: (a) => l2Normalise(a) },
};

for (const [name, tested] of Object.entries(cases)) {
  test(`gradient against finite differences: ${name}`, () => assertGradients(tested));
}

test('a loss that does not depend on a parameter is refused', () => {
  const graph = new Graph();
  const used = graph.input('used', [2]);
  const unused = graph.input('unused', [3]);
  assert.throws(() => gradients(sum(used), [unused]), { code: 'MR_GRAPH_SHAPE', message: /unused/ });
  assert.throws(() => gradients(used, [used]), { code: 'MR_GRAPH_SHAPE', message: /scalar/ });
});
