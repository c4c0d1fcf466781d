import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../random.ts';
import {
  add,
  div,
  dropout,
  exp,
  greater,
  log,
  mul,
  neg,
  present,
  relu,
  sigmoid,
  sqrt,
  sub,
  tanh,
  where,
} from './arithmetic.ts';
import { gradients } from './gradients.ts';
import { concat, gatherRows, pickColumns, reshape, transpose } from './layout.ts';
import { linear, matmul } from './matrix.ts';
import { l2Normalise, logSoftmax, mean, softmax } from './normalisation.ts';
import { toOnnx } from './onnx.ts';
import { expandTo, sum } from './reduction.ts';
import { type Feed, Session } from './session.ts';
import { Graph, type Tensor } from './tensor.ts';

type Case = {
  /** Shapes of the differentiable inputs. */
  shapes: number[][];
  build: (a: Tensor, b: Tensor, c: Tensor) => Tensor;
  /** Keeps inputs inside of the operation's smooth domain. */
  domain?: (x: number) => number;
};

const positive = (x: number) => Math.abs(x) + 0.5;
const awayFromZero = (x: number) => (Math.abs(x) < 0.1 ? x + 0.3 : x);
const ids = (graph: Graph, values: number[], shape: number[]) =>
  graph.constant(BigInt64Array.from(values, BigInt), shape);

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
  tanh: { shapes: [[4]], build: (a) => tanh(a) },
  sigmoid: { shapes: [[4]], build: (a) => sigmoid(a) },
  'where, broadcast': {
    shapes: [[2, 3], [3]],
    build: (a, b) => where(greater(a, 0), a, b),
    domain: awayFromZero,
  },
  'mask of padding': {
    shapes: [[2, 3]],
    build: (a) => where(present(ids(a.graph, [0, -1, 2, -1, 4, 5], [2, 3])), a, 0),
  },
  dropout: {
    shapes: [[2, 3]],
    build: (a) => dropout(a, a.graph.constant(Float32Array.of(2, 0, 2), [3])),
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
  reshape: { shapes: [[2, 6]], build: (a) => reshape(a, [3, 4]) },
  transpose: { shapes: [[2, 3, 4]], build: (a) => transpose(a, [2, 0, 1]) },
  pickColumns: { shapes: [[3, 4]], build: (a) => pickColumns(a, ids(a.graph, [1, 3, 0], [3])) },
  'softmax, last axis': { shapes: [[2, 4]], build: (a) => softmax(a) },
  'softmax, first axis': { shapes: [[3, 2]], build: (a) => softmax(a, 0) },
  logSoftmax: { shapes: [[2, 4]], build: (a) => logSoftmax(a) },
  l2Normalise: { shapes: [[2, 4]], build: (a) => l2Normalise(a) },
};

/** The loss is a weighted sum of the result, so that no two elements of the gradient agree by accident. */
function differentiated({ shapes, build }: Case): Graph {
  const random = seededRandom(7);
  const graph = new Graph();
  const inputs = shapes.map((shape, i) => graph.input(`x${i}`, shape));
  const [a, b, c] = inputs as [Tensor, Tensor, Tensor];
  const result = build(a, b, c);
  const size = (result.shape as number[]).reduce((product, dimension) => product * dimension, 1);
  const weights = Float32Array.from({ length: size }, () => random.normal());
  const loss = sum(mul(result, graph.constant(weights, result.shape)));
  graph.output('loss', loss);
  gradients(loss, inputs).forEach((gradient, i) => {
    assert.deepEqual(gradient.shape, shapes[i]);
    graph.output(`dx${i}`, gradient);
  });
  return graph;
}

for (const [name, tested] of Object.entries(cases)) {
  test(`gradient against finite differences: ${name}`, async () => {
    const session = await Session.create(toOnnx(differentiated(tested)));
    const random = seededRandom(11);
    const domain = tested.domain ?? ((x: number) => x);
    const feeds: Record<string, Feed> = {};
    tested.shapes.forEach((shape, i) => {
      const length = shape.reduce((product, dimension) => product * dimension, 1);
      feeds[`x${i}`] = { data: Float32Array.from({ length }, () => domain(random.normal())), shape };
    });
    const outputs = await session.run(feeds);
    const lossAt = async () => (await session.run(feeds)).loss?.[0] as number;
    const step = 2 ** -7;
    for (const [input, { data }] of Object.entries(feeds)) {
      const exact = Float32Array.from(outputs[`d${input}`] as Float32Array);
      for (let i = 0; i < data.length; i++) {
        const kept = data[i] as number;
        data[i] = kept + step;
        const above = await lossAt();
        data[i] = kept - step;
        const below = await lossAt();
        data[i] = kept;
        const measured = (above - below) / (2 * step);
        const error = Math.abs(measured - (exact[i] as number));
        assert.ok(
          error < 2e-3 * (1 + Math.abs(measured)),
          `${input}[${i}]: ${exact[i]}, measured ${measured}`,
        );
      }
    }
    await session.close();
  });
}

test('a loss that does not depend on a parameter is refused', () => {
  const graph = new Graph();
  const used = graph.input('used', [2]);
  const unused = graph.input('unused', [3]);
  assert.throws(() => gradients(sum(used), [unused]), { code: 'MR_GRAPH_SHAPE', message: /unused/ });
  assert.throws(() => gradients(used, [used]), { code: 'MR_GRAPH_SHAPE', message: /scalar/ });
});
