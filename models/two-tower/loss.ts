import { mul } from '../graph/arithmetic.ts';
import { gradients } from '../graph/gradients.ts';
import { sampledSoftmax } from '../graph/losses.ts';
import { matmul } from '../graph/matrix.ts';
import { toOnnx } from '../graph/onnx.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { BatchBuilder } from './batch.ts';
import type { TwoTowerConfig } from './config.ts';
import type { TwoTowerData } from './data.ts';
import { type Parameters, parameterInputs, parameterNames } from './parameters.ts';
import { itemTower, userTower } from './towers.ts';

/**
 * The graph of one training step, as ONNX: the outputs are `loss`, and `d X` for each parameter X. The loss is the
 * softmax over the candidates, where the score of a candidate is its cosine to the user over the temperature, less
 * logQ: the mean, by weight, of -log P(target | user).
 */
export function trainingGraph(
  data: TwoTowerData,
  config: TwoTowerConfig,
  parameters: Parameters,
  { batchSize, blocksAtOnce, blocks, candidates, tagsLength, titleLength }: BatchBuilder,
): Uint8Array {
  const graph = new Graph();
  const learned = parameterInputs(graph, parameters);
  const profile = data.profile.cardinalities;
  const context = data.train.context?.cardinalities;
  const features = data.itemFeatures.cardinalities;
  const ids = (name: string, shape: readonly number[]) => graph.input(name, shape, 'int64');

  const users = userTower(
    learned,
    {
      user: ids('user ids', [batchSize]),
      history: {
        columns: ids('history columns', [blocksAtOnce, blocks.columns]),
        places: ids('history places', [blocksAtOnce, blocks.rows, blocks.columns]),
      },
      profile: ids('profile values', [batchSize, profile.length]),
      ...(context && { context: ids('context values', [batchSize, context.length]) }),
    },
    { profile, context: context ?? [] },
  ); // [B, D]
  const items = itemTower(
    learned,
    {
      item: ids('item ids', [candidates]),
      features: ids('feature values', [candidates, features.length]),
      tags: ids('tag ids', [candidates, tagsLength]),
      ...(data.itemTitles && { title: ids('title ids', [candidates, titleLength]) }),
      ...(data.itemTexts && { text: graph.input('text vectors', [candidates, data.itemTexts.width]) }),
    },
    features,
  ); // [M, D]
  const scores = matmul(mul(users, 1 / config.temperature), items, { transposeB: true }); // [B, M]
  const logQ = graph.input('logQ', [candidates]);
  const weight = graph.input('weight', [batchSize]);
  const loss = sampledSoftmax(scores, ids('target', [batchSize]), logQ, weight);
  graph.output('loss', loss);
  const names = parameterNames(parameters);
  const found = gradients(
    loss,
    names.map((name) => learned[name] as Tensor),
  );
  for (const [i, gradient] of found.entries()) graph.output(`d ${names[i]}`, gradient);
  return toOnnx(graph);
}
