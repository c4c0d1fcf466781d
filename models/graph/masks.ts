import { and, equal, where } from './arithmetic.ts';
import { reshape } from './layout.ts';
import type { Dimension } from './shape.ts';
import type { Graph, Tensor } from './tensor.ts';

const HIDDEN = -1e9;

/** A mask (bool) [L, L]: position i may see position j where j <= i. */
export function causalMask(graph: Graph, length: number): Tensor {
  const positions = (shape: Dimension[]) =>
    graph.constant(
      BigInt64Array.from({ length }, (_, i) => BigInt(i)),
      shape,
    );
  const shape = [length, length];
  return graph.apply('LessOrEqual', [positions([1, length]), positions([length, 1])], {
    shape,
    type: 'bool',
  });
}

/** What attention adds to its scores: 0 where the mask holds, else a number so low that the softmax is 0. */
export const attentionBias = (visible: Tensor): Tensor => where(visible, 0, HIDDEN);

/**
 * Attention among the earlier positions of one sequence, where several share a row, float [B, L, L]: position i may see
 * itself and those before it of its own segment. `segments` int64 [B, L] numbers the sequences; padding is a segment of
 * its own.
 */
export function causalSegments(segments: Tensor): Tensor {
  const [rows, length] = segments.shape as [Dimension, number];
  const isSame = equal(reshape(segments, [rows, length, 1]), reshape(segments, [rows, 1, length]));
  return attentionBias(and(isSame, causalMask(segments.graph, length)));
}
