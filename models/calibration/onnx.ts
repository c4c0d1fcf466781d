import { add, cast, div, equal, exp, greater, mul, neg, relu, sub, where } from '../graph/arithmetic.ts';
import { gatherRows, reshape, slice } from '../graph/layout.ts';
import { sum } from '../graph/reduction.ts';
import type { Tensor } from '../graph/tensor.ts';
import type { Calibrator } from './calibrator.ts';

/** The probabilities [rows] for scores [rows], in the graph of the scores: what `calibrate` returns, in float32. */
export function calibrated(scores: Tensor, calibrator: Calibrator): Tensor {
  const one = scores.graph.scalar(1);
  if (calibrator.kind === 'platt') {
    const logits = add(mul(scores, calibrator.slope), calibrator.intercept);
    return div(one, add(exp(neg(logits)), 1));
  }
  const { x, y } = calibrator;
  if (x.length === 1) return where(equal(scores, scores), y[0] as number, scores);
  const [x0, x1, y0, y1] = interval(scores, x, y);
  const share = relu(div(sub(scores, x0), sub(x1, x0)));
  return add(y0, mul(sub(one, relu(sub(one, share))), sub(y1, y0))); // at most 1 of it
}

/** Both knots of the interval in which each score lies, or to which it is nearest: x, x, y, y, each [rows]. */
function interval(scores: Tensor, x: readonly number[], y: readonly number[]) {
  const { graph, shape } = scores;
  const rows = shape[0] as string;
  const intervals = x.length - 1;
  const starts = graph.constant(Float32Array.from(x.slice(0, -1)), [1, intervals]);
  const passed = sum(where(greater(starts, reshape(scores, [rows, 1])), 0, 1), [1]);
  const ends = Float32Array.from({ length: intervals * 4 }, (_, at) => {
    const knot = Math.floor(at / 4) + (at % 2);
    return (at % 4 < 2 ? x : y)[knot] as number;
  });
  const found = gatherRows(graph.constant(ends, [intervals, 4]), cast(relu(sub(passed, 1)), 'int64'));
  const field = (at: number) => reshape(slice(found, 1, at, at + 1), [rows]);
  return [field(0), field(1), field(2), field(3)] as const;
}
