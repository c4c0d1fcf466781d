import { add, div, log, mul, neg, type Operand, softplus, sub } from './arithmetic.ts';
import { concat, gatherRows, pickColumns, reshape, scatterRows, slice, transpose } from './layout.ts';
import { matmul, matmulAdd } from './matrix.ts';
import { logSoftmax, softmax } from './normalisation.ts';
import { sum } from './reduction.ts';
import { sameShape, shapeError } from './shape.ts';
import type { Tensor } from './tensor.ts';

// Each loss but `logLosses` is the mean of its examples by their weights, a scalar. Examples of weight 0 fill up a batch.

function weightedMean(losses: Tensor, weight: Tensor): Tensor {
  if (!sameShape(losses.shape, weight.shape)) {
    throw shapeError('weightedMean', [losses.shape, weight.shape], 'each example has one weight');
  }
  return div(sum(mul(losses, weight)), sum(weight));
}

/**
 * Log loss of each label, 0 or 1, under the probability sigmoid(logit); of one shape. From logits, since a probability
 * rounds to 1 where its logarithm still counts.
 */
export function logLosses(logits: Tensor, labels: Tensor): Tensor {
  return sub(softplus(logits), mul(logits, labels));
}

/** The mean of `logLosses`. */
export function binaryCrossEntropy(logits: Tensor, labels: Tensor, weight: Tensor): Tensor {
  return weightedMean(logLosses(logits, labels), weight);
}

/** Softmax cross entropy, -log P(target): scores [B, C], targets int64 [B]. */
export function softmaxCrossEntropy(scores: Tensor, targets: Tensor, weight: Tensor): Tensor {
  return weightedMean(neg(pickColumns(logSoftmax(scores), targets)), weight);
}

/**
 * Softmax cross entropy over a sample of the classes. Scores [B, M] are of the candidates that were drawn, and logQ [M] is
 * the logarithm of how often each is drawn: without it, frequent candidates would be pushed down for being frequent
 * (Bengio and Senécal 2003, Yi et al. 2019). Targets are positions among the candidates.
 */
export function sampledSoftmax(scores: Tensor, targets: Tensor, logQ: Operand, weight: Tensor): Tensor {
  return softmaxCrossEntropy(sub(scores, logQ), targets, weight);
}

/** Added to a probability before its logarithm: the smallest normal float. */
const smallest = 2 ** -126;

/**
 * Softmax cross entropy where the classes are the rows of a table and a class's score is its inner product with the
 * example: x [N, D], table [V, D], targets int64 [N], weight [N]. The same as `softmaxCrossEntropy` of the product, for
 * when [N, V] is most of the work:
 * examples are taken `rowsAtOnce` at a time, so that the scores of one part stay in the processor's cache and the memory
 * stays bounded, and the gradients come from the probabilities P of each part at once, without another pass over [N, V]:
 * of the sum over examples of -w log P, dx = w (P table - table[target]), dtable = P' (w x) - w x at row target.
 */
export function softmaxOverRows(
  x: Tensor,
  table: Tensor,
  targets: Tensor,
  weight: Tensor,
  rowsAtOnce: number,
): Tensor {
  const [examples, width] = x.shape;
  const fits = x.shape.length === 2 && table.shape.length === 2 && table.shape[1] === width;
  if (!fits || typeof examples !== 'number' || !sameShape(targets.shape, [examples])) {
    throw shapeError(
      'softmaxOverRows',
      [x.shape, table.shape, targets.shape],
      'x [N, D], table [V, D], targets [N]',
    );
  }
  if (!sameShape(weight.shape, [examples])) {
    throw shapeError('softmaxOverRows', [x.shape, weight.shape], 'each example has one weight');
  }
  const share = div(weight, sum(weight)); // [N]
  const shareColumn = reshape(share, [examples, 1]);
  const weighted = mul(x, shareColumn); // [N, D]
  const columns = transpose(table, [1, 0]); // [D, V]

  let loss: Tensor = x.graph.scalar(0);
  let dTable: Tensor | undefined;
  const expected: Tensor[] = [];
  for (let start = 0; start < examples; start += rowsAtOnce) {
    const end = Math.min(examples, start + rowsAtOnce);
    const part = (tensor: Tensor) => slice(tensor, 0, start, end);
    const p = softmax(matmul(part(x), columns)); // [rows, V]
    const likelihood = add(pickColumns(p, part(targets)), smallest); // [rows]
    loss = sub(loss, sum(mul(log(likelihood), part(share))));
    expected.push(matmul(p, table)); // [rows, D]
    const [w, onto] = [part(weighted), dTable];
    dTable =
      onto === undefined ? matmul(w, p, { transposeA: true }) : matmulAdd(w, p, onto, { transposeA: true });
  }
  const gradients = (gradient: Tensor): Tensor[] => [
    mul(mul(sub(concat(expected, 0), gatherRows(table, targets)), shareColumn), gradient),
    mul(sub(transpose(dTable as Tensor, [1, 0]), scatterRows(table, targets, weighted)), gradient),
  ];
  return x.graph.apply('Identity', [loss], { shape: [] }, gradients, [x, table]);
}
