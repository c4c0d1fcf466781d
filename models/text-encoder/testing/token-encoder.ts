import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { mul } from '../../graph/arithmetic.ts';
import { gatherRows } from '../../graph/layout.ts';
import { toOnnx } from '../../graph/onnx.ts';
import { Graph } from '../../graph/tensor.ts';

const words = ['trail', 'run', 'cake', 'walnut', 'bread'];
/** A vocab.txt of five words, and the ending of one of them. */
export const vocabulary = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '##ning', ...words];

/** The vector of each token, three numbers: told apart, and those of what frames and fills up titles far from all others. */
export const tokenVectors: readonly (readonly number[])[] = vocabulary.map((_, id) =>
  id < 4 ? [9, -9, id] : [id, id % 3, -id % 2],
);

export type TokenEncoderChanges = {
  /** Instead of those of BERT. */
  readonly inputs?: readonly string[];
  readonly output?: string;
  readonly scale?: number;
};

/** Writes an encoder that only looks tokens up, and its vocabulary; returns the path of its graph. */
export function writeTokenEncoder(directory: string, changes: TokenEncoderChanges = {}): string {
  const { inputs = ['input_ids', 'attention_mask'], output = 'last_hidden_state', scale = 1 } = changes;
  const graph = new Graph();
  const [ids] = inputs.map((name) => graph.input(name, ['titles', 'tokens'], 'int64'));
  if (ids === undefined) throw new RangeError('there must be an input');
  const table = graph.constant(Float32Array.from(tokenVectors.flat()), [vocabulary.length, 3]);
  graph.output(output, mul(gatherRows(table, ids), scale)); // [titles, tokens, 3]
  const path = join(directory, 'model.onnx');
  writeFileSync(path, toOnnx(graph));
  writeFileSync(join(directory, 'vocab.txt'), `${vocabulary.join('\n')}\n`);
  return path;
}
