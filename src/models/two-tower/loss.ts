import { div, mul, neg, sub } from '../graph/arithmetic.ts';
import { gradients } from '../graph/gradients.ts';
import { pickColumns } from '../graph/layout.ts';
import { matmul } from '../graph/matrix.ts';
import { logSoftmax } from '../graph/normalisation.ts';
import { toOnnx } from '../graph/onnx.ts';
import { sum } from '../graph/reduction.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { BatchBuilder } from './batch.ts';
import type { TwoTowerConfig } from './config.ts';
import type { TwoTowerData } from './data.ts';
import { denseNames, type Parameters, parameterInputs, tableNames } from './parameters.ts';
import { itemTower, userTower } from './towers.ts';

/**
 * Sampled softmax over the candidates: the mean, by weight, of -log P(target | user), where the score of a
 * candidate is its cosine to the user over the temperature, less logQ.
 *
 * users [B, D], items [M, D], target int64 [B], logQ [M], weight [B] -> []
 */
export function softmaxLoss(
  users: Tensor,
  items: Tensor,
  { target, logQ, weight }: { target: Tensor; logQ: Tensor; weight: Tensor },
  temperature: number,
): Tensor {
  const scores = matmul(mul(users, 1 / temperature), items, { transposeB: true }); // [B, M]
  const corrected = sub(scores, logQ); // [B, M]
  const logLikelihood = pickColumns(logSoftmax(corrected), target); // [B]
  return div(neg(sum(mul(logLikelihood, weight))), sum(weight));
}

/** The graph of one training step, as ONNX: the outputs are `loss`, and `d X` for each parameter X. */
export function trainingGraph(
  data: TwoTowerData,
  config: TwoTowerConfig,
  parameters: Parameters,
  { batchSize, candidates, tagsLength }: BatchBuilder,
): Uint8Array {
  const graph = new Graph();
  const learned = parameterInputs(graph, parameters);
  const profileSizes = data.profile.cardinalities;
  const featureSizes = data.itemFeatures.cardinalities;
  const ids = (name: string, shape: readonly number[]) => graph.input(name, shape, 'int64');

  const users = userTower(
    learned,
    {
      user: ids('user ids', [batchSize]),
      history: ids('history ids', [batchSize, config.historyLength]),
      profile: ids('profile values', [batchSize, profileSizes.length]),
    },
    profileSizes,
  );
  const items = itemTower(
    learned,
    {
      item: ids('item ids', [candidates]),
      features: ids('feature values', [candidates, featureSizes.length]),
      tags: ids('tag ids', [candidates, tagsLength]),
    },
    featureSizes,
  );
  const supervision = {
    target: ids('target', [batchSize]),
    logQ: graph.input('logQ', [candidates]),
    weight: graph.input('weight', [batchSize]),
  };
  const loss = softmaxLoss(users, items, supervision, config.temperature);
  graph.output('loss', loss);
  const names = [...tableNames, ...denseNames];
  const parameterGradients = gradients(
    loss,
    names.map((name) => learned[name]),
  );
  for (const [i, gradient] of parameterGradients.entries()) graph.output(`d ${names[i]}`, gradient);
  return toOnnx(graph);
}
