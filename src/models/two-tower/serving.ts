import { toOnnx } from '../graph/onnx.ts';
import { Graph } from '../graph/tensor.ts';
import type { TwoTowerData } from './data.ts';
import { type Parameters, parameterConstants } from './parameters.ts';
import { itemTower, userTower } from './towers.ts';

/**
 * The user tower as a self-contained ONNX file, its tables inside. Inputs, int64: `user` [B], 0 = unknown; `history`
 * [B, H], newest first, filled up with -1; `profile` [B, P]. Output: `vector` float [B, D], of length 1.
 */
export function userTowerOnnx(
  parameters: Parameters,
  { profile }: TwoTowerData,
  historyLength: number,
): Uint8Array {
  const graph = new Graph();
  const sizes = profile.cardinalities;
  const inputs = {
    user: graph.input('user', ['batch'], 'int64'),
    history: graph.input('history', ['batch', historyLength], 'int64'),
    profile: graph.input('profile', ['batch', sizes.length], 'int64'),
  };
  graph.output('vector', userTower(parameterConstants(graph, parameters), inputs, sizes));
  return toOnnx(graph);
}

/**
 * The item tower likewise. Inputs, int64: `item` [B], -1 for an item that was not trained; `features` [B, F]; `tags`
 * [B, T], filled up with -1. Output: `vector` float [B, D], of length 1.
 */
export function itemTowerOnnx(
  parameters: Parameters,
  { itemFeatures }: TwoTowerData,
  tagsLength: number,
): Uint8Array {
  const graph = new Graph();
  const sizes = itemFeatures.cardinalities;
  const inputs = {
    item: graph.input('item', ['batch'], 'int64'),
    features: graph.input('features', ['batch', sizes.length], 'int64'),
    tags: graph.input('tags', ['batch', tagsLength], 'int64'),
  };
  graph.output('vector', itemTower(parameterConstants(graph, parameters), inputs, sizes));
  return toOnnx(graph);
}
