import assert from 'node:assert/strict';
import test from 'node:test';
import { seededRandom } from '../random.ts';
import { mul } from './arithmetic.ts';
import { gradients } from './gradients.ts';
import { binaryCrossEntropy, sampledSoftmax, softmaxCrossEntropy, softmaxOverRows } from './losses.ts';
import { matmul } from './matrix.ts';
import { toOnnx } from './onnx.ts';
import { Session } from './session.ts';
import { Graph, type Tensor } from './tensor.ts';
import { assertGradients, type Case, ids, positive } from './testing/finite-differences.ts';

const floats = (...values: number[]) => Float32Array.from(values);
const weights = (graph: Graph, ...values: number[]) => graph.constant(floats(...values), [values.length]);

const cases: Record<string, Case> = {
  binaryCrossEntropy: {
    shapes: [
      [2, 3],
      [2, 3],
    ],
    build: (logits, weight) => {
      const labels = logits.graph.constant(floats(1, 0, 0, 0, 1, 1), [2, 3]);
      return binaryCrossEntropy(logits, labels, weight);
    },
    domain: positive,
  },
  softmaxCrossEntropy: {
    shapes: [[3, 4], [3]],
    build: (scores, weight) => softmaxCrossEntropy(scores, ids(scores.graph, [1, 3, 1], [3]), weight),
    domain: positive,
  },
  sampledSoftmax: {
    shapes: [[3, 4], [4]],
    build: (scores, logQ) =>
      sampledSoftmax(scores, ids(scores.graph, [1, 3, 1], [3]), logQ, weights(scores.graph, 1, 0, 0.5)),
  },
  'softmaxOverRows, in two parts': {
    shapes: [
      [5, 3],
      [4, 3],
    ],
    build: (x, table) => {
      const [targets, weight] = [ids(x.graph, [1, 3, 1, 0, 2], [5]), weights(x.graph, 1, 2, 0.5, 0, 1)];
      return softmaxOverRows(x, table, targets, weight, 3);
    },
  },
  'softmaxOverRows, times something': {
    shapes: [[2, 3], [4, 3], []],
    build: (x, table, scale) =>
      mul(softmaxOverRows(x, table, ids(x.graph, [1, 3], [2]), weights(x.graph, 1, 2), 8), scale),
  },
};

for (const [name, tested] of Object.entries(cases)) {
  test(`gradient against finite differences: ${name}`, () => assertGradients(tested));
}

/** What a loss of these scores, each a candidate's, comes to. */
async function lossOf(scores: number[], build: (scores: Tensor) => Tensor): Promise<number> {
  const graph = new Graph();
  graph.output('loss', build(graph.constant(floats(...scores), [1, scores.length])));
  const session = await Session.create(toOnnx(graph));
  const { loss } = await session.run({});
  await session.close();
  return Number(loss?.[0]);
}

test('sampledSoftmax lifts the candidates that are drawn rarely: by hand', async () => {
  const logQ = floats(Math.log(0.9), Math.log(0.1));
  const loss = await lossOf([0, 0], (scores) => {
    const { graph } = scores;
    return sampledSoftmax(scores, ids(graph, [1], [1]), graph.constant(logQ, [2]), weights(graph, 1));
  });
  // Candidate 1 stands for ten of its kind, the other for 1 / 0.9: it has 10 of 11.11.
  assert.ok(Math.abs(loss + Math.log(0.9)) < 1e-6, `${loss}`);
});

test('softmaxCrossEntropy, by hand', async () => {
  const loss = await lossOf([Math.log(3), 0], (scores) =>
    softmaxCrossEntropy(scores, ids(scores.graph, [0], [1]), weights(scores.graph, 1)),
  );
  assert.ok(Math.abs(loss - Math.log(4 / 3)) < 1e-6, `${loss}`);
});

test('softmaxOverRows is softmaxCrossEntropy of the scores, gradients too, however it is cut', async () => {
  const [examples, classes, width] = [7, 5, 3];
  const random = seededRandom(2);
  const values = (length: number) => Float32Array.from({ length }, () => random.normal());
  const feeds = {
    x: { data: values(examples * width), shape: [examples, width] },
    table: { data: values(classes * width), shape: [classes, width] },
    targets: { data: BigInt64Array.of(0n, 4n, 2n, 2n, 1n, 3n, 4n), shape: [examples] },
    weight: { data: floats(1, 2, 0, 1, 0.5, 1, 3), shape: [examples] },
  };
  const run = async (rowsAtOnce: number | undefined) => {
    const graph = new Graph();
    const [x, table] = [graph.input('x', [examples, width]), graph.input('table', [classes, width])];
    const [targets, weight] = [
      graph.input('targets', [examples], 'int64'),
      graph.input('weight', [examples]),
    ];
    const loss =
      rowsAtOnce === undefined
        ? softmaxCrossEntropy(matmul(x, table, { transposeB: true }), targets, weight)
        : softmaxOverRows(x, table, targets, weight, rowsAtOnce);
    graph.output('loss', loss);
    for (const [i, gradient] of gradients(loss, [x, table]).entries()) graph.output(`d${i}`, gradient);
    const session = await Session.create(toOnnx(graph));
    const outputs = await session.run(feeds);
    await session.close();
    return Object.values(outputs).flatMap((output) => [...output]);
  };
  const expected = await run(undefined);
  for (const rowsAtOnce of [1, 3, 7, 100]) {
    const values = await run(rowsAtOnce);
    for (const [i, value] of values.entries()) {
      assert.ok(Math.abs(value - (expected[i] as number)) < 1e-6, `${rowsAtOnce}: ${values} and ${expected}`);
    }
  }
});

test('binaryCrossEntropy, by hand, and of logits whose probabilities round to 0 and 1', async () => {
  const lossOfLogits = (logits: number[], labels: number[]) =>
    lossOf(logits, (scores) => {
      const { graph } = scores;
      const shape = [1, logits.length];
      const ones = graph.constant(new Float32Array(logits.length).fill(1), shape);
      return binaryCrossEntropy(scores, graph.constant(floats(...labels), shape), ones);
    });
  assert.ok(Math.abs((await lossOfLogits([Math.log(3)], [1])) - Math.log(4 / 3)) < 1e-6);
  assert.ok(Math.abs((await lossOfLogits([Math.log(3)], [0])) - Math.log(4)) < 1e-6);
  assert.equal(await lossOfLogits([200, -200], [0, 1]), 200);
  assert.equal(await lossOfLogits([200, -200], [1, 0]), 0);
});
