import { add, gelu, mul } from '../graph/arithmetic.ts';
import { gatherRows, reshape, transpose } from '../graph/layout.ts';
import { linear, matmul } from '../graph/matrix.ts';
import { layerNorm, softmax } from '../graph/normalisation.ts';
import type { Dimension } from '../graph/shape.ts';
import type { Tensor } from '../graph/tensor.ts';

// Self-attentive sequential recommendation (SASRec, Kang and McAuley 2018): the user is what a causal transformer makes of
// the sequence of items that they had, and the vector at each position is to be nearest, by inner product, to the
// embedding of the item that comes next. So the user's vector is the one at the newest position, and the items' vectors
// are the very embeddings that the transformer reads: one table for what goes in and what comes out.
//
// It departs from the paper in normalising before each part of a block rather than after (Xiong et al. 2020), in the
// gelu, and in the loss, which compares the next item with all others rather than with one (Klenitskiy and Vasilev 2023
// show that this, not the architecture, is what BERT4Rec owed its lead to).
//
// Dimensions: B rows, L positions of a row, D width, H heads, N width of the hidden layer, V items. Ids are int64. The
// same function builds the graph that trains and the graph that serves.

/** Parameters of one block of the transformer. */
export type Block = {
  readonly attentionGain: Tensor; // [D]
  readonly attentionBias: Tensor; // [D]
  readonly queryWeights: Tensor; // [D, D]
  readonly queryBias: Tensor; // [D]
  readonly keyWeights: Tensor; // [D, D]
  readonly keyBias: Tensor; // [D]
  readonly valueWeights: Tensor; // [D, D]
  readonly valueBias: Tensor; // [D]
  readonly mixWeights: Tensor; // [D, D]
  readonly mixBias: Tensor; // [D]
  readonly hiddenGain: Tensor; // [D]
  readonly hiddenShift: Tensor; // [D]
  readonly hiddenWeights: Tensor; // [D, N]
  readonly hiddenBias: Tensor; // [N]
  readonly outputWeights: Tensor; // [N, D]
  readonly outputBias: Tensor; // [D]
};

/** What is learned. */
export type TransformerParameters = {
  readonly items: Tensor; // [V, D]
  readonly positions: Tensor; // [L, D]: by how many items came before
  readonly blocks: readonly Block[];
  readonly finalGain: Tensor; // [D]
  readonly finalBias: Tensor; // [D]
};

export type TransformerInputs = {
  readonly items: Tensor; // [B, L], any item where there is none
  readonly positions: Tensor; // [B, L]
  /** What is added to the scores of attention: hides what a position must not see. */
  readonly visibility: Tensor; // [B, L, L]
};

/** Applied to what each part adds to the stream: dropout in training, nothing in serving. */
export type Regulariser = (x: Tensor) => Tensor;

/** The vector at each position: [B, L, D]. */
export function transformer(
  parameters: TransformerParameters,
  { items, positions, visibility }: TransformerInputs,
  heads: number,
  regularise: Regulariser = (x) => x,
): Tensor {
  const width = parameters.items.shape[1] as number;
  const item = mul(gatherRows(parameters.items, items), Math.sqrt(width)); // [B, L, D]
  let x = regularise(add(item, gatherRows(parameters.positions, positions)));
  for (const block of parameters.blocks) {
    x = add(x, regularise(selfAttention(block, x, visibility, heads)));
    x = add(x, regularise(feedForward(block, x)));
  }
  return layerNorm(x, parameters.finalGain, parameters.finalBias);
}

/** Each position takes from those it may see, as much of each as its query agrees with their keys. */
function selfAttention(block: Block, x: Tensor, visibility: Tensor, heads: number): Tensor {
  const [rows, length, width] = x.shape as [Dimension, number, number];
  const normal = layerNorm(x, block.attentionGain, block.attentionBias); // [B, L, D]
  // [B, L, D] -> [B, H, L, D / H]
  const divided = (y: Tensor) => transpose(reshape(y, [rows, length, heads, width / heads]), [0, 2, 1, 3]);
  const queries = divided(mul(linear(normal, block.queryWeights, block.queryBias), Math.sqrt(heads / width)));
  const keys = divided(linear(normal, block.keyWeights, block.keyBias));
  const values = divided(linear(normal, block.valueWeights, block.valueBias));

  const scores = matmul(queries, keys, { transposeB: true }); // [B, H, L, L]
  const attention = softmax(add(scores, reshape(visibility, [rows, 1, length, length])));
  const taken = reshape(transpose(matmul(attention, values), [0, 2, 1, 3]), [rows, length, width]);
  return linear(taken, block.mixWeights, block.mixBias); // [B, L, D]
}

/** Each position on its own, through one hidden layer. */
function feedForward(block: Block, x: Tensor): Tensor {
  const normal = layerNorm(x, block.hiddenGain, block.hiddenShift); // [B, L, D]
  const hidden = gelu(linear(normal, block.hiddenWeights, block.hiddenBias)); // [B, L, N]
  return linear(hidden, block.outputWeights, block.outputBias); // [B, L, D]
}
