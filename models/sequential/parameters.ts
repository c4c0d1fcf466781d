import type { Graph, Tensor } from '../graph/tensor.ts';
import { createOptimiser, type Optimiser } from '../optimise/optimiser.ts';
import { sharedFloats } from '../parallel/gradients.ts';
import type { Random } from '../random.ts';
import type { SequentialConfig } from './config.ts';
import type { Block, TransformerParameters } from './transformer.ts';

/** One learned array. The full softmax touches every item at every step, so the table of items is dense like the rest. */
export type Parameter = {
  readonly shape: readonly number[];
  /** In memory that threads share. */
  readonly weights: Float32Array;
  readonly optimiser: Optimiser;
};

/** By name; in the order in which they are drawn, saved and fed. */
export type Parameters = ReadonlyMap<string, Parameter>;

const INITIAL_DEVIATION = 0.02;

export function createParameters(items: number, config: SequentialConfig, random: Random): Parameters {
  const parameters = new Map<string, Parameter>();
  for (const [name, { shape, start }] of shapes(items, config)) {
    const size = shape.reduce((product, dimension) => product * dimension, 1);
    const weights = sharedFloats(size);
    for (let i = 0; i < size; i++)
      weights[i] = start === 'normal' ? INITIAL_DEVIATION * random.normal() : start;
    // Gains and biases are not drawn towards zero.
    const weightDecay = shape.length > 1 ? config.weightDecay : 0;
    const { learningRate } = config;
    const optimiser = createOptimiser({ kind: 'adam', learningRate, weightDecay, beta2: 0.98 }, 1, size);
    parameters.set(name, { shape, weights, optimiser });
  }
  return parameters;
}

type Start = { readonly shape: readonly number[]; readonly start: 'normal' | number };

const matrix = (rows: number, columns: number): Start => ({ shape: [rows, columns], start: 'normal' });
const filled = (length: number, start: number): Start => ({ shape: [length], start });

function blockShapes({ dim, hidden }: SequentialConfig): Record<keyof Block, Start> {
  return {
    attentionGain: filled(dim, 1),
    attentionBias: filled(dim, 0),
    queryWeights: matrix(dim, dim),
    queryBias: filled(dim, 0),
    keyWeights: matrix(dim, dim),
    keyBias: filled(dim, 0),
    valueWeights: matrix(dim, dim),
    valueBias: filled(dim, 0),
    mixWeights: matrix(dim, dim),
    mixBias: filled(dim, 0),
    hiddenGain: filled(dim, 1),
    hiddenShift: filled(dim, 0),
    hiddenWeights: matrix(dim, hidden),
    hiddenBias: filled(hidden, 0),
    outputWeights: matrix(hidden, dim),
    outputBias: filled(dim, 0),
  };
}

function shapes(items: number, config: SequentialConfig): [string, Start][] {
  const { dim, historyLength, layers } = config;
  const block = Object.entries(blockShapes(config));
  const blocks = Array.from({ length: layers }, (_, layer) =>
    block.map(([name, start]): [string, Start] => [`${name} ${layer}`, start]),
  );
  return [
    ['items', matrix(items, dim)],
    ['positions', matrix(historyLength, dim)],
    ...blocks.flat(),
    ['finalGain', filled(dim, 1)],
    ['finalBias', filled(dim, 0)],
  ];
}

/** The parameters as inputs of a graph, or as its constants: by name, and as the transformer takes them. */
export function parameterTensors(
  graph: Graph,
  parameters: Parameters,
  config: SequentialConfig,
  as: 'input' | 'constant',
): { tensors: ReadonlyMap<string, Tensor>; transformer: TransformerParameters } {
  const tensors = new Map<string, Tensor>();
  for (const [name, { shape, weights }] of parameters) {
    tensors.set(name, as === 'input' ? graph.input(name, shape) : graph.constant(weights, shape));
  }
  const named = (name: string) => tensors.get(name) as Tensor;
  const parts = Object.keys(blockShapes(config));
  const blocks = Array.from({ length: config.layers }, (_, layer) =>
    Object.fromEntries(parts.map((part) => [part, named(`${part} ${layer}`)])),
  );
  return {
    tensors,
    transformer: {
      items: named('items'),
      positions: named('positions'),
      blocks: blocks as unknown as Block[],
      finalGain: named('finalGain'),
      finalBias: named('finalBias'),
    },
  };
}
