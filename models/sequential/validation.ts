import { expectedMetrics, tiedGroups } from '../evaluation/ties.ts';
import type { Feed } from '../graph/session.ts';
import type { TrainingMetrics } from '../training.ts';
import { type SequentialData, sequenceOf } from './data.ts';
import { historyFeed } from './encoder.ts';

/** Users who are scored at a time. */
const USERS_AT_ONCE = 128;
const K = 10;

/** The next item of each validation user, ranked among all items that are not in the history; `score` gives [B, V]. */
export async function validationMetrics(
  { items, histories }: SequentialData,
  validation: NonNullable<SequentialData['validation']>,
  historyLength: number,
  score: (history: Feed) => Promise<Float32Array>,
): Promise<TrainingMetrics> {
  const users = validation.users.length;
  let [recall, ndcg] = [0, 0];
  for (let start = 0; start < users; start += USERS_AT_ONCE) {
    const rows = Array.from({ length: Math.min(USERS_AT_ONCE, users - start) }, (_, i) => start + i);
    const had = rows.map((row) => sequenceOf(histories, validation.users[row] as number));
    const scores = await score(
      historyFeed(
        had.map((history) => history.toReversed()),
        historyLength,
      ),
    );
    rows.forEach((row, i) => {
      const next = validation.items[row] as number;
      const own = scores.subarray(i * items, (i + 1) * items);
      for (const item of had[i] ?? []) if (item !== next) own[item] = Number.NEGATIVE_INFINITY;
      const metrics = expectedMetrics(tiedGroups(own, [next]), 1, K);
      recall += metrics.recall / users;
      ndcg += metrics.ndcg / users;
    });
  }
  return { 'recall@10': recall, 'ndcg@10': ndcg };
}
