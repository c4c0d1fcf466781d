import { present } from '../graph/arithmetic.ts';
import { reshape } from '../graph/layout.ts';
import { toOnnx } from '../graph/onnx.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { TwoTowerData } from './data.ts';
import { parameterConstants } from './parameters.ts';
import { itemTower, userTower } from './towers.ts';

/** What is learned, without what only training needs of it. */
export type TowerParameters = Parameters<typeof parameterConstants>[1];

/** How many values each categorical feature has that the user tower reads. */
export type UserFeatures = {
  readonly profile: Pick<TwoTowerData['profile'], 'cardinalities'>;
  readonly train: { readonly context?: Pick<TwoTowerData['profile'], 'cardinalities'> };
};

/**
 * The user tower as a self-contained ONNX file, its tables inside. Inputs, int64: `user` [B], 0 = unknown; `history`
 * [B, H], newest first, filled up with -1; `profile` [B, P]; `context` [B, C] where it was trained with one. Output:
 * `vector` float [B, D], of length 1.
 */
export function userTowerOnnx(
  parameters: TowerParameters,
  { profile, train }: UserFeatures,
  historyLength: number,
): Uint8Array {
  const graph = new Graph();
  const sizes = { profile: profile.cardinalities, context: train.context?.cardinalities ?? [] };
  const features = (name: 'profile' | 'context') => graph.input(name, ['batch', sizes[name].length], 'int64');
  const user = graph.input('user', ['batch'], 'int64');
  const history = graph.input('history', ['batch', historyLength], 'int64');
  const inputs = {
    user,
    history: { columns: history, places: placesOf(history, historyLength) },
    profile: features('profile'),
    ...(train.context && { context: features('context') }),
  };
  graph.output('vector', userTower(parameterConstants(graph, parameters), inputs, sizes));
  return toOnnx(graph);
}

/** Each user is a block of one: the columns are the history, and the place of an item is its column. */
function placesOf(history: Tensor, length: number): Tensor {
  const { graph, shape } = history;
  const columns = graph.integers(Array.from({ length }, (_, place) => place));
  const none = graph.constant(BigInt64Array.of(-1n), []);
  const places = graph.apply('Where', [present(history), columns, none], { shape, type: 'int64' });
  return reshape(places, ['batch', 1, length]);
}

/**
 * The item tower likewise. Inputs, int64: `item` [B], -1 for an item that was not trained; `features` [B, F]; `tags`
 * [B, T], filled up with -1; `title` [B, G], likewise, where the items had titles; `text` float [B, X] where a text
 * encoder read these. Output: `vector` float [B, D], of length 1.
 */
export function itemTowerOnnx(
  parameters: TowerParameters,
  { itemFeatures, itemTitles, itemTexts }: TwoTowerData,
  { tagsLength, titleLength }: { readonly tagsLength: number; readonly titleLength: number },
): Uint8Array {
  const graph = new Graph();
  const sizes = itemFeatures.cardinalities;
  const ids = (name: string, shape: readonly (string | number)[]) => graph.input(name, shape, 'int64');
  const inputs = {
    item: ids('item', ['batch']),
    features: ids('features', ['batch', sizes.length]),
    tags: ids('tags', ['batch', tagsLength]),
    ...(itemTitles && { title: ids('title', ['batch', titleLength]) }),
    ...(itemTexts && { text: graph.input('text', ['batch', itemTexts.width]) }),
  };
  graph.output('vector', itemTower(parameterConstants(graph, parameters), inputs, sizes));
  return toOnnx(graph);
}
