import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../random.ts';
import { sequentialDefaults } from '../sequential/config.ts';
import { scoringGraph, trainingGraph, userTowerOnnx } from '../sequential/graphs.ts';
import { createParameters } from '../sequential/parameters.ts';
import { BatchBuilder } from '../two-tower/batch.ts';
import { twoTowerDefaults } from '../two-tower/config.ts';
import type { TwoTowerData } from '../two-tower/data.ts';
import { trainingGraph as twoTowerGraph } from '../two-tower/loss.ts';
import { createParameters as twoTowerParameters } from '../two-tower/parameters.ts';
import { userTowerOnnx as twoTowerUserTower } from '../two-tower/serving.ts';
import { gelu, greater, mul, relu, where } from './arithmetic.ts';
import { gradients } from './gradients.ts';
import { concat, gatherRows, reshape, split, transpose } from './layout.ts';
import { sampledSoftmax } from './losses.ts';
import { linear, matmul } from './matrix.ts';
import { l2Normalise, layerNorm } from './normalisation.ts';
import { toOnnx } from './onnx.ts';
import { sum } from './reduction.ts';
import { Graph } from './tensor.ts';
import { assertChecked, skipWithoutChecker as skip } from './testing/onnx-checker.ts';

/** A graph in which most operations occur, forward and backward, with a symbolic batch. */
function mixed(): Uint8Array {
  const graph = new Graph();
  const table = graph.input('table', ['rows', 4]);
  const weights = graph.input('weights', [4, 6]);
  const bias = graph.input('bias', [6]);
  const ids = graph.input('ids', ['batch', 3], 'int64');
  const labels = graph.input('labels', ['batch']);
  const rows = gatherRows(table, ids); // [batch, 3, 4]
  const hidden = layerNorm(gelu(linear(rows, weights, bias)), bias, bias); // [batch, 3, 6]
  const [left, right] = split(hidden, -1, [3, 3]);
  if (left === undefined || right === undefined) throw new Error('two parts');
  const mixedParts = concat([matmul(left, right, { transposeB: true }), transpose(right, [0, 2, 1])], 2);
  const flat = l2Normalise(relu(reshape(mixedParts, ['batch', 18])));
  const best = sum(where(greater(flat, 0.1), flat, 0), [-1]); // [batch]
  const candidates = graph.input('candidates', ['batch', 5]);
  const target = graph.input('target', ['batch'], 'int64');
  const losses = [
    sum(mul(best, labels)),
    sampledSoftmax(matmul(flat, graph.input('last', [18, 5])), target, sum(candidates, [0]), labels),
  ];
  const loss = sum(
    concat(
      losses.map((each) => reshape(each, [1])),
      0,
    ),
  );
  graph.output('loss', loss);
  for (const [i, gradient] of gradients(loss, [table, weights, bias]).entries()) {
    graph.output(`gradient ${i}`, gradient);
  }
  return toOnnx(graph);
}

test('what the graph language emits passes the ONNX checker', { skip }, async () => {
  const config = { ...sequentialDefaults, dim: 8, hidden: 16, historyLength: 6, batchRows: 2 };
  const parameters = createParameters(10, config, seededRandom(1));
  await assertChecked({
    mixed: mixed(),
    'sequential-training': trainingGraph(parameters, config),
    'sequential-scoring': scoringGraph(parameters, config),
    'sequential-user-tower': userTowerOnnx(parameters, config),
  });
});

test('so do the graphs of the two-tower model', { skip }, async () => {
  const data: TwoTowerData = {
    users: 3,
    items: 4,
    profile: { cardinalities: [2, 3], values: Int32Array.of(0, 0, 1, 2, 1, 0) },
    itemFeatures: { cardinalities: [2], values: Int32Array.of(0, 1, 1, 0) },
    itemTags: { cardinality: 2, offsets: Int32Array.of(0, 1, 2, 2, 4), ids: Int32Array.of(0, 1, 0, 1) },
    train: {
      user: Int32Array.of(1, 1, 2),
      item: Int32Array.of(0, 1, 3),
      weight: Float32Array.of(1, 1, 0.5),
      historyOffsets: Int32Array.of(0, 0, 1, 1),
      history: Int32Array.of(0),
    },
  };
  const config = { ...twoTowerDefaults, dim: 8, hidden: 16, historyLength: 4, candidates: 4, batchSize: 4 };
  const random = seededRandom(1);
  const parameters = twoTowerParameters(data, config, random);
  const batches = new BatchBuilder(data, config, random);
  await assertChecked({
    training: twoTowerGraph(data, config, parameters, batches),
    'user-tower': twoTowerUserTower(parameters, data, config.historyLength),
  });
});

test('the checker finds a shape that is not so', { skip }, async () => {
  const graph = new Graph();
  const x = graph.input('x', [2, 3]);
  graph.output('y', graph.apply('Transpose', [x], { shape: [2, 3], attributes: { perm: { ints: [1, 0] } } }));
  await assert.rejects(assertChecked({ wrong: toOnnx(graph) }), /shape/i);
});
