import { type Evaluation, type ItemSets, metricNames, withMeans } from './ranking.ts';

/** The part of an evaluation whose users pass, with their means. */
export function segmentOf({ users, perUser }: Evaluation, isIn: (user: number) => boolean): Evaluation {
  const rows = users.map((_, row) => row).filter((row) => isIn(users[row] as number));
  const columns = metricNames.map((name) => [
    name,
    Float64Array.from(rows, (row) => perUser[name][row] as number),
  ]);
  return withMeans(
    rows.map((row) => users[row] as number),
    Object.fromEntries(columns) as Evaluation['perUser'],
  );
}

/**
 * The items outside of the head: the fewest, most popular items that have `headShare` of all interactions. Items as
 * popular as the last of the head belong to it, so that the order of ids makes no difference.
 */
export function longTail(itemCounts: Float64Array, headShare = 0.8): ReadonlySet<number> {
  const descending = itemCounts.toSorted().reverse();
  const total = descending.reduce((sum, count) => sum + count, 0);
  let covered = 0;
  let least = Number.POSITIVE_INFINITY;
  for (const count of descending) {
    if (covered >= headShare * total) break;
    covered += count;
    least = count;
  }
  return new Set(Array.from(itemCounts.keys()).filter((item) => (itemCounts[item] as number) < least));
}

/** Only what is to be found among `items`: judges how a ranker finds these, among all items. */
export function heldOutAmong(heldOut: ItemSets, items: ReadonlySet<number>): Map<number, number[]> {
  return new Map(Array.from(heldOut, ([user, own]) => [user, [...own].filter((item) => items.has(item))]));
}
