import { and, cast, dropout, mul, present, relu, sub, where } from '../graph/arithmetic.ts';
import { dropoutShare } from '../graph/dropout-mask.ts';
import { gradients } from '../graph/gradients.ts';
import { reshape, slice, transpose } from '../graph/layout.ts';
import { softmaxOverRows } from '../graph/losses.ts';
import { attentionBias, causalMask, causalSegments } from '../graph/masks.ts';
import { matmul, rowsOf } from '../graph/matrix.ts';
import { toOnnx } from '../graph/onnx.ts';
import { sum } from '../graph/reduction.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { SequentialConfig } from './config.ts';
import { type Parameters, parameterTensors } from './parameters.ts';
import { dropoutMasks, rowsOfShard } from './shard.ts';
import { type Regulariser, transformer } from './transformer.ts';

/** Positions whose scores of all items are computed at a time, so that they stay in the processor's cache. */
const POSITIONS_AT_ONCE = 500;

/**
 * The graph of one shard of a training step, as ONNX: the outputs are `loss`, and `d X` for each parameter X. They are of the
 * shard's mean times `part`, so that those of a step are the sums over its shards.
 */
export function trainingGraph(parameters: Parameters, config: SequentialConfig): Uint8Array {
  const { historyLength, dim, heads } = config;
  const graph = new Graph();
  const { tensors, transformer: learned } = parameterTensors(graph, parameters, config, 'input');
  const shape = [rowsOfShard(config), historyLength];
  const size = rowsOfShard(config) * historyLength;
  const inputs = {
    items: graph.input('item ids', shape, 'int64'),
    positions: graph.input('position ids', shape, 'int64'),
    visibility: causalSegments(graph.input('segments', shape, 'int64')),
  };
  const targets = graph.input('targets', [size], 'int64');
  const weight = graph.input('weight', [size]);

  const share = dropoutShare(config.dropout);
  const masks = share === 0 ? [] : dropoutMasks(config);
  const kept = masks.map((name) => graph.input(name, [...shape, dim], 'bool'));
  const regularise: Regulariser = (x) => {
    const mask = kept.shift();
    return mask === undefined ? x : dropout(x, mask, share);
  };
  const vectors = transformer(learned, inputs, heads, regularise); // [B, L, D]
  const mean = softmaxOverRows(rowsOf(vectors), learned.items, targets, weight, POSITIONS_AT_ONCE);
  const loss = mul(mean, graph.input('part', []));
  graph.output('loss', loss);
  const names = [...tensors.keys()];
  gradients(loss, [...tensors.values()]).forEach((gradient, i) => {
    graph.output(`d ${names[i]}`, gradient);
  });
  return toOnnx(graph);
}

/**
 * The user tower as a self-contained ONNX file. Input: `history` int64 [B, L], newest first, filled up with -1. Output:
 * `vector` float [B, D], whose inner product with an item's vector is the item's score; zeros for an empty history.
 */
export function userTowerOnnx(parameters: Parameters, config: SequentialConfig): Uint8Array {
  const graph = new Graph();
  const { transformer: learned } = parameterTensors(graph, parameters, config, 'constant');
  graph.output('vector', userVector(graph, learned, config));
  return toOnnx(graph);
}

/** The same with the parameters as inputs, for judging during training; `scores` [B, V] instead of the vector. */
export function scoringGraph(parameters: Parameters, config: SequentialConfig): Uint8Array {
  const graph = new Graph();
  const { transformer: learned } = parameterTensors(graph, parameters, config, 'input');
  graph.output('scores', matmul(userVector(graph, learned, config), learned.items, { transposeB: true }));
  return toOnnx(graph);
}

type Learned = ReturnType<typeof parameterTensors>['transformer'];

function userVector(graph: Graph, learned: Learned, { historyLength, dim, heads }: SequentialConfig): Tensor {
  const history = graph.input('history', ['batch', historyLength], 'int64');
  const isThere = present(history); // [B, L]
  const there = where(isThere, 1, 0);
  // The newest is at 0 here, and at position `count - 1` of the sequence.
  const age = graph.constant(
    Float32Array.from({ length: historyLength }, (_, i) => i + 1),
    [historyLength],
  );
  const positions = cast(relu(sub(sum(there, [1], true), age)), 'int64'); // [B, L]
  const older = transpose(causalMask(graph, historyLength), [1, 0]); // [L, L]
  const visible = and(older, reshape(isThere, ['batch', 1, historyLength])); // [B, L, L]
  const inputs = { items: history, positions, visibility: attentionBias(visible) };
  const vectors = transformer(learned, inputs, heads); // [B, L, D]
  const newest = reshape(slice(vectors, 1, 0, 1), ['batch', dim]);
  return where(slice(isThere, 1, 0, 1), newest, 0); // [B, D]
}
