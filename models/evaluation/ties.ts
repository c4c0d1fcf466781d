import type { Metrics } from './ranking.ts';

/**
 * Items of one score that hold relevant ones among them: `before` items score higher, `size` items, relevant and not,
 * share the score. An item with a score of its own is a group of one.
 */
export type TiedGroup = { readonly before: number; readonly size: number; readonly relevant: number };

/**
 * Metrics of a ranking whose ties are broken at random: the mean over all orders of the tied items, in closed form
 * (McSherry and Najork 2008). A model that scores all alike gets what chance gets, not what the order of ids gives it.
 *
 * `groups` are those with relevant items, best first; `relevant` counts the relevant items, also those not ranked.
 * With h hits among the first k of n relevant items: recall = h / n, precision = h / k, hit rate = 1 if h > 0, MRR = 1
 * over the place of the first hit, MAP = the precision at each hit, summed and divided by min(n, k), NDCG with binary
 * gains and the discount 1 / log2(place + 1) (Järvelin and Kekäläinen 2002), whose ideal has min(n, k) hits first.
 */
export function expectedMetrics(groups: readonly TiedGroup[], relevant: number, k: number): Metrics {
  let hits = 0;
  let gain = 0;
  let precisions = 0;
  let relevantBefore = 0;
  for (const group of groups) {
    const { before, size } = group;
    const share = group.relevant / size;
    // Given a hit in the group, each other place of the group is one with this probability.
    const otherShare = size === 1 ? 0 : (group.relevant - 1) / (size - 1);
    for (let i = 0; i < size && before + i < k; i++) {
      hits += share;
      gain += share / Math.log2(before + i + 2);
      precisions += (share * (relevantBefore + 1 + i * otherShare)) / (before + i + 1);
    }
    relevantBefore += group.relevant;
  }
  const reachable = Math.min(k, relevant);
  let ideal = 0;
  for (let place = 0; place < reachable; place++) ideal += 1 / Math.log2(place + 2);
  return {
    recall: relevant === 0 ? 0 : hits / relevant,
    precision: hits / k,
    ndcg: ideal === 0 ? 0 : gain / ideal,
    ...firstHit(groups, k),
    map: reachable === 0 ? 0 : precisions / reachable,
  };
}

/** The first group has a relevant item, so the first hit is in it. */
function firstHit([group]: readonly TiedGroup[], k: number): Pick<Metrics, 'hitRate' | 'mrr'> {
  if (group === undefined) return { hitRate: 0, mrr: 0 };
  const { before, size, relevant } = group;
  let missed = 1;
  let mrr = 0;
  for (let i = 0; i < size && before + i < k && missed > 0; i++) {
    const hit = Math.min(1, relevant / (size - i));
    mrr += (missed * hit) / (before + i + 1);
    missed *= 1 - hit;
  }
  return { hitRate: 1 - missed, mrr };
}

/**
 * The probability that a relevant item of a user's ranking stands above one that is not, ties counting half; 0.5 where
 * there is no such pair. `candidates` is the number of items that were ranked.
 */
export function groupsAuc(groups: readonly TiedGroup[], candidates: number): number {
  const relevant = groups.reduce((sum, group) => sum + group.relevant, 0);
  const others = candidates - relevant;
  if (relevant === 0 || others === 0) return 0.5;
  let relevantBefore = 0;
  let won = 0;
  for (const group of groups) {
    const tied = group.size - group.relevant;
    const below = others - (group.before - relevantBefore) - tied;
    won += group.relevant * (below + tied / 2);
    relevantBefore += group.relevant;
  }
  return won / (relevant * others);
}

/** Groups of the scores that hold relevant ones, best first; relevant by position. Scores must not be NaN. */
export function tiedGroups(scores: ArrayLike<number>, relevantPositions: readonly number[]): TiedGroup[] {
  const relevantAt = new Map<number, number>();
  for (const position of relevantPositions) {
    const score = scores[position] as number;
    relevantAt.set(score, (relevantAt.get(score) ?? 0) + 1);
  }
  return Array.from(relevantAt)
    .sort(([a], [b]) => b - a)
    .map(([score, relevant]) => {
      let before = 0;
      let size = 0;
      // Users have few relevant items: a pass for each costs less than sorting all scores.
      for (let position = 0; position < scores.length; position++) {
        const other = scores[position] as number;
        if (other > score) before++;
        else if (other === score) size++;
      }
      return { before, size, relevant };
    });
}
