import { expectedMetrics, tiedGroups } from '../evaluation/ties.ts';
import type { TrainingMetrics } from '../training.ts';
import type { Pairs } from './data.ts';
import type { NegativeSampler } from './negatives.ts';
import type { NeuMfScorer } from './scorer.ts';

/** Pairs judged at most; half of a 95% interval of a recall is then below .02. */
const MOST_PAIRS = 2500;
const K = 10;

/** The item of each pair, ranked among all items that the user has not had in training. */
export async function validationMetrics(
  { user, item }: Pairs,
  items: number,
  sampler: NegativeSampler,
  scorer: NeuMfScorer,
): Promise<TrainingMetrics> {
  const judged = Math.min(MOST_PAIRS, user.length);
  const all = Int32Array.from({ length: items }, (_, id) => id);
  let [recall, ndcg] = [0, 0];
  for (let i = 0; i < judged; i++) {
    const pair = Math.floor((i * user.length) / judged);
    const scores = await scorer.score(user[pair] as number, all);
    const wanted = item[pair] as number;
    for (const had of sampler.hadBy(user[pair] as number)) {
      if (had !== wanted) scores[had] = Number.NEGATIVE_INFINITY;
    }
    const metrics = expectedMetrics(tiedGroups(scores, [wanted]), 1, K);
    recall += metrics.recall / judged;
    ndcg += metrics.ndcg / judged;
  }
  return { 'recall@10': recall, 'ndcg@10': ndcg };
}
