import type { LossKind } from './loss.ts';
import { checkRanked, ndcgMetric } from './ranking.ts';

/** Random orders of a group, and what each place down weighs less: CatBoost's defaults. */
const PERMUTATIONS = 10;
const DECAY = 0.85;

/**
 * YetiRank (Gulin, Kuralenok and Pavlov 2011) as CatBoost has it: groups are ordered by their scores with logistic noise,
 * several times; the logistic loss of neighbours with different labels is weighted by the difference of their labels, and
 * less with every place down.
 */
export const yetirank: LossKind = {
  check: checkRanked,
  metric: ndcgMetric,
  open({ labels, groups = new Int32Array(1) }) {
    const noisy = new Float64Array(labels.length);
    return {
      base: 0,
      derive(scores, derivatives, random) {
        derivatives.fill(0);
        let [loss, weights] = [0, 0];
        for (let g = 0; g + 1 < groups.length; g++) {
          const [start, end] = [groups[g] as number, groups[g + 1] as number];
          const order = Int32Array.from({ length: end - start }, (_, i) => start + i);
          for (let permutation = 0; permutation < PERMUTATIONS; permutation++) {
            for (let row = start; row < end; row++) {
              const uniform = random.uniform();
              noisy[row] = (scores[row] as number) + Math.log((uniform + 2 ** -33) / (1 - uniform));
            }
            order.sort((a, b) => (noisy[b] as number) - (noisy[a] as number) || a - b);
            let decay = 1 / PERMUTATIONS;
            for (let i = 1; i < order.length; i++, decay *= DECAY) {
              const [first, second] = [order[i - 1] as number, order[i] as number];
              const difference = (labels[first] as number) - (labels[second] as number);
              if (difference === 0) continue;
              const [high, low] = difference > 0 ? [first, second] : [second, first];
              const weight = decay * Math.abs(difference);
              const wrong = 1 / (1 + Math.exp((scores[high] as number) - (scores[low] as number)));
              const [slope, curvature] = [weight * wrong, weight * wrong * (1 - wrong)];
              derivatives[2 * high] = (derivatives[2 * high] as number) - slope;
              derivatives[2 * low] = (derivatives[2 * low] as number) + slope;
              derivatives[2 * high + 1] = (derivatives[2 * high + 1] as number) + curvature;
              derivatives[2 * low + 1] = (derivatives[2 * low + 1] as number) + curvature;
              loss += weight * wrong;
              weights += weight;
            }
          }
        }
        return weights === 0 ? 0 : loss / weights;
      },
    };
  },
};
