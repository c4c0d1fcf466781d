import { gradients } from '../graph/gradients.ts';
import { gatherRows, reshape } from '../graph/layout.ts';
import { binaryCrossEntropy } from '../graph/losses.ts';
import { toOnnx } from '../graph/onnx.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { NeuMfConfig } from './config.ts';
import { headParameters, itemSide, logits, type Side, userSide } from './network.ts';
import { type Parameters, type TableName, tableNames } from './parameters.ts';

/**
 * The graph of one training step, as ONNX: the outputs are `loss`, and `d X` for each parameter X. Ids are positions in
 * the rows of the tables that are fed; the first item of a row is the one that the user took to.
 */
export function trainingGraph({ tables, dense }: Parameters, config: NeuMfConfig, rows: number): Uint8Array {
  const graph = new Graph();
  const learned = dense.inputs(graph);
  const each = 1 + config.negatives;
  const tensors = new Map<string, Tensor>(learned);
  const table = (name: TableName) => {
    const side = name.startsWith('user') ? 'users' : 'items';
    const tensor = graph.input(name, [side, tables[name].width]);
    tensors.set(name, tensor);
    return tensor;
  };
  const users = userSide(learned, table('userFactors'), table('userEmbeddings'));
  const items = itemSide(learned, table('itemFactors'), table('itemEmbeddings'));
  const user = gathered(users, graph.input('user ids', [rows], 'int64'));
  const item = gathered(items, graph.input('item ids', [rows, each], 'int64'));
  const labels = new Float32Array(rows * each).map((_, i) => (i % each === 0 ? 1 : 0));
  const weight = graph.input('weight', [rows, each]);
  const scores = logits(learned, user, item, config.layers);
  const loss = binaryCrossEntropy(scores, graph.constant(labels, [rows, each]), weight);
  graph.output('loss', loss);
  const names = [...dense.names, ...tableNames];
  const found = gradients(
    loss,
    names.map((name) => tensors.get(name) as Tensor),
  );
  for (const [i, gradient] of found.entries()) graph.output(`d ${names[i]}`, gradient);
  return toOnnx(graph);
}

const gathered = ({ factors, hidden }: Side, ids: Tensor): Side => ({
  factors: gatherRows(factors, ids),
  hidden: gatherRows(hidden, ids),
});

/**
 * What is computed for a user and their candidates, as a self-contained ONNX file. Inputs: `user factors` [1, F], `user
 * hidden` [1, H], `item factors` [C, F] and `item hidden` [C, H], see `userSide` and `itemSide`. Output: `score` [C], logits.
 */
export function headOnnx({ dense }: Parameters, { factors, hidden, layers }: NeuMfConfig): Uint8Array {
  const graph = new Graph();
  const learned = dense.constants(graph, headParameters(layers));
  const user = {
    factors: graph.input('user factors', [1, factors]),
    hidden: graph.input('user hidden', [1, hidden]),
  };
  const candidates = (name: string, width: number) =>
    reshape(graph.input(name, ['candidates', width]), [1, 'candidates', width]);
  const item = {
    factors: candidates('item factors', factors),
    hidden: candidates('item hidden', hidden),
  };
  graph.output('score', reshape(logits(learned, user, item, layers), ['candidates']));
  return toOnnx(graph);
}

/** The sides of users and items from their tables, as ONNX: inputs `factors` and `embeddings`, outputs by the names of a Side. */
export function sideOnnx({ dense }: Parameters, config: NeuMfConfig, side: 'user' | 'item'): Uint8Array {
  const graph = new Graph();
  const names = side === 'user' ? ['factorWeights', 'userWeights'] : ['itemWeights', 'firstBias'];
  const learned = dense.constants(graph, names);
  const factors = graph.input('factors', ['rows', config.factors]);
  const embeddings = graph.input('embeddings', ['rows', config.dim]);
  const { factors: weighted, hidden } = (side === 'user' ? userSide : itemSide)(learned, factors, embeddings);
  if (side === 'user') graph.output('weighted factors', weighted);
  graph.output('hidden', hidden);
  return toOnnx(graph);
}
