import { add, exp, mul, sub } from '../graph/arithmetic.ts';
import { gradients } from '../graph/gradients.ts';
import { reshape, slice } from '../graph/layout.ts';
import { logLosses } from '../graph/losses.ts';
import { toOnnx } from '../graph/onnx.ts';
import { sum } from '../graph/reduction.ts';
import { Graph, type Tensor } from '../graph/tensor.ts';
import type { DlrmConfig } from './config.ts';
import { network, networkOfOne, sideOf, sideParameters, topParameters } from './network.ts';
import {
  type Dimensions,
  type Parameters,
  type SideDimensions,
  type SideName,
  vectorsOf,
} from './parameters.ts';

type Size = number | string;

/**
 * The graph of one training step, as ONNX. For each head there are `HEAD target` and `HEAD weight` [B]; the outputs are
 * `loss`, the sum of the heads' losses by these weights, `d X` for each parameter X, and `d SIDE sums` for each side.
 */
export function trainingGraph(
  { dense }: Parameters,
  dimensions: Dimensions,
  config: DlrmConfig,
  rows: number,
): Uint8Array {
  const graph = new Graph();
  const learned = dense.inputs(graph);
  const { outputs, sums } = wholeNetwork(graph, learned, dimensions, config, rows);
  const losses = dimensions.heads.map((head, i) => {
    const output = reshape(slice(outputs, 1, i, i + 1), [rows]);
    const target = graph.input(`${head} target`, [rows]);
    const each = head === 'revenue' ? revenueLosses(learned, output, target) : logLosses(output, target);
    return sum(mul(each, graph.input(`${head} weight`, [rows])));
  });
  const loss = losses.reduce((total, one) => add(total, one));
  graph.output('loss', loss);
  const differentiated = new Map([...learned, ...sums].filter(([, { shape }]) => !shape.includes(0)));
  const found = gradients(loss, [...differentiated.values()]);
  for (const [i, name] of [...differentiated.keys()].entries()) graph.output(`d ${name}`, found[i] as Tensor);
  return toOnnx(graph);
}

/**
 * Half of the squared error; for log-normal amounts the negative log likelihood of their logarithm, whose deviation is
 * learned as one number, less a constant.
 */
function revenueLosses(learned: ReadonlyMap<string, Tensor>, output: Tensor, target: Tensor): Tensor {
  const error = sub(output, target);
  const squares = mul(mul(error, error), 0.5);
  const logDeviation = learned.get('logDeviation');
  return logDeviation === undefined ? squares : add(mul(squares, exp(mul(logDeviation, -2))), logDeviation);
}

/** The whole network as ONNX, with all sides row by row: output `heads` [B, heads]. */
export function forwardGraph({ dense }: Parameters, dimensions: Dimensions, config: DlrmConfig): Uint8Array {
  const graph = new Graph();
  graph.output('heads', wholeNetwork(graph, dense.inputs(graph), dimensions, config, 'rows').outputs);
  return toOnnx(graph);
}

function wholeNetwork(
  graph: Graph,
  learned: ReadonlyMap<string, Tensor>,
  dimensions: Dimensions,
  config: DlrmConfig,
  rows: Size,
): { readonly outputs: Tensor; readonly sums: ReadonlyMap<string, Tensor> } {
  const sums = new Map<string, Tensor>();
  const side = (name: SideName) => {
    const inputs = sideInputs(graph, name, dimensions, config, rows);
    sums.set(inputs.sums.name, inputs.sums);
    return sideOf(learned, name, inputs.dense, inputs.sums);
  };
  const sides = {
    user: side('user'),
    item: side('item'),
    candidate: dimensions.candidate && side('candidate'),
  };
  return { outputs: network(learned, sides, config.topLayers), sums };
}

function sideInputs(
  graph: Graph,
  side: SideName,
  dimensions: Dimensions,
  { dim }: DlrmConfig,
  rows: Size,
): { readonly dense: Tensor; readonly sums: Tensor } {
  const { dense, sparse } = dimensions[side] as SideDimensions;
  return {
    dense: graph.input(`${side} dense`, [rows, dense]),
    sums: graph.input(`${side} sums`, [rows, sparse, dim]),
  };
}

/**
 * The items' side as a self-contained ONNX file. Inputs: `item dense` [N, W] and `item sums` [N, F, D]; outputs: `vectors`
 * [N, NI, D] and `first` [N, H].
 */
export function itemOnnx({ dense }: Parameters, dimensions: Dimensions, config: DlrmConfig): Uint8Array {
  const graph = new Graph();
  const learned = dense.constants(graph, sideParameters('item'));
  const { dense: numbers, sums } = sideInputs(graph, 'item', dimensions, config, 'items');
  const { vectors, first } = sideOf(learned, 'item', numbers, sums);
  graph.output('vectors', vectors);
  graph.output('first', first);
  return toOnnx(graph);
}

/**
 * What is computed for a request, as a self-contained ONNX file. Inputs: `user dense` [1, W], `user sums` [1, F, D], what
 * `itemOnnx` has come to for the candidates, `item vectors` [C, NI, D] and `item first` [C, H], and where the data has
 * candidates' features, `candidate dense` [C, W] and `candidate sums` [C, F, D]. Output: `heads` [C, heads].
 */
export function requestOnnx({ dense }: Parameters, dimensions: Dimensions, config: DlrmConfig): Uint8Array {
  const graph = new Graph();
  const names = [
    ...sideParameters('user'),
    ...(dimensions.candidate === undefined ? [] : sideParameters('candidate')),
    ...topParameters(config.topLayers),
  ];
  const learned = dense.constants(graph, names);
  const side = (name: SideName, rows: Size) => {
    const { dense: numbers, sums } = sideInputs(graph, name, dimensions, config, rows);
    return sideOf(learned, name, numbers, sums);
  };
  const item = {
    vectors: graph.input('item vectors', ['candidates', vectorsOf(dimensions.item), config.dim]),
    first: graph.input('item first', ['candidates', config.topHidden]),
  };
  const sides = {
    user: side('user', 1),
    item,
    candidate: dimensions.candidate && side('candidate', 'candidates'),
  };
  graph.output('heads', networkOfOne(learned, sides, config.topLayers));
  return toOnnx(graph);
}
