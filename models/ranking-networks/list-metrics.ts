import { areaUnderCurve } from '../evaluation/classification.ts';
import { expectedMetrics, tiedGroups } from '../evaluation/ties.ts';
import type { RankingRows } from '../ranking/dataset.ts';
import type { TrainingMetrics } from '../training.ts';

const SHOWN = 10;

/** Calls for each list of which something was taken and something left; no other can be ranked wrongly. */
export function forEachJudgedList(
  { lists, grades }: Pick<RankingRows, 'lists' | 'grades'>,
  judge: (from: number, to: number) => void,
): void {
  for (let list = 0; list + 1 < lists.length; list++) {
    const [from, to] = [lists[list] as number, lists[list + 1] as number];
    const taken = grades.subarray(from, to).filter((grade) => grade > 0).length;
    if (taken > 0 && taken < to - from) judge(from, to);
  }
}

/** What a training of lists may be stopped by: NDCG@10 of the lists that can be judged, and AUC over all rows. */
export function listMetrics(rows: RankingRows, scores: Float64Array): TrainingMetrics {
  const ndcgs: number[] = [];
  forEachJudgedList(rows, (from, to) => {
    const own = scores.subarray(from, to);
    const taken = [...own.keys()].filter((i) => (rows.grades[from + i] as number) > 0);
    ndcgs.push(expectedMetrics(tiedGroups(own, taken), taken.length, SHOWN).ndcg);
  });
  if (ndcgs.length === 0) return {};
  const labels = rows.grades.map((grade) => Number(grade > 0));
  return {
    'ndcg@10': ndcgs.reduce((sum, ndcg) => sum + ndcg, 0) / ndcgs.length,
    auc: areaUnderCurve({ predictions: scores, labels }),
  };
}
