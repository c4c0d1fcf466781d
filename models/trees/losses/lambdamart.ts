import type { LossKind } from './loss.ts';
import { checkRanked, discountOf, gainOf, idealGain, ndcgMetric, ranked } from './ranking.ts';

/** Pairs count of which one row is among this many first ones, and so does the ideal gain: LightGBM's default. */
const TRUNCATION = 30;
/** Keeps the weight of a pair with equal scores finite: LightGBM's. */
const MIN_DISTANCE = 0.01;

/**
 * LambdaMART (Burges 2010) as LightGBM has it: the logistic loss of each pair with different labels, weighted by how much
 * NDCG changes when the two change places; that weight is divided by the distance of their scores, and the derivatives of a
 * group are scaled by the logarithm of their sum.
 */
export const lambdamart: LossKind = {
  check: checkRanked,
  metric: ndcgMetric,
  open({ labels, groups = new Int32Array(1) }) {
    const ideal = Float64Array.from(groups.subarray(0, -1), (start, g) =>
      idealGain(labels.subarray(start, groups[g + 1]), TRUNCATION),
    );
    const gains = Float64Array.from(labels, gainOf);
    const longest = groups.reduce(
      (most, end, g) => Math.max(most, g === 0 ? 0 : end - (groups[g - 1] as number)),
      0,
    );
    const discounts = Float64Array.from({ length: longest }, (_, place) => discountOf(place));
    return {
      base: 0,
      derive(scores, derivatives) {
        derivatives.fill(0);
        let [loss, pairs] = [0, 0];
        ideal.forEach((best, g) => {
          if (best === 0) return;
          const [start, end] = [groups[g] as number, groups[g + 1] as number];
          const order = ranked(scores, start, end);
          const [top, bottom] = [
            scores[order[0] as number] as number,
            scores[order.at(-1) as number] as number,
          ];
          let steepness = 0;
          for (let i = 0; i < Math.min(TRUNCATION, order.length); i++) {
            for (let j = i + 1; j < order.length; j++) {
              const [first, second] = [order[i] as number, order[j] as number];
              if (labels[first] === labels[second]) continue;
              const isInOrder = (labels[first] as number) > (labels[second] as number);
              const [high, low] = isInOrder ? [first, second] : [second, first];
              const distance = (scores[high] as number) - (scores[low] as number);
              const gap = (gains[high] as number) - (gains[low] as number);
              let change = (gap * ((discounts[i] as number) - (discounts[j] as number))) / best;
              if (top !== bottom) change /= MIN_DISTANCE + Math.abs(distance);
              const wrong = 1 / (1 + Math.exp(distance));
              const [slope, curvature] = [change * wrong, change * wrong * (1 - wrong)];
              derivatives[2 * high] = (derivatives[2 * high] as number) - slope;
              derivatives[2 * low] = (derivatives[2 * low] as number) + slope;
              derivatives[2 * high + 1] = (derivatives[2 * high + 1] as number) + curvature;
              derivatives[2 * low + 1] = (derivatives[2 * low + 1] as number) + curvature;
              steepness += 2 * slope;
              loss += wrong;
              pairs++;
            }
          }
          if (steepness > 0) scale(derivatives, start, end, Math.log2(1 + steepness) / steepness);
        });
        return pairs === 0 ? 0 : loss / pairs;
      },
    };
  },
};

function scale(derivatives: Float64Array, start: number, end: number, factor: number): void {
  for (let i = 2 * start; i < 2 * end; i++) derivatives[i] = (derivatives[i] as number) * factor;
}
