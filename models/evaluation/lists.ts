/** What lists of recommendations are like beyond whether they hit: judged on the lists themselves, one a user. */
export type Lists = readonly ArrayLike<number>[];

/** Share of all items that are on some list: catalogue coverage (Ge et al. 2010). */
export function coverage(lists: Lists, items: number): number {
  const shown = new Set<number>();
  for (const list of lists) for (const item of Array.from(list)) shown.add(item);
  return shown.size / items;
}

/**
 * Mean surprise of what is shown, in bits: -log2 of the share of users who had the item (Zhou et al. 2010). An item
 * that nobody had counts as if one user had.
 */
export function novelty(lists: Lists, itemCounts: ArrayLike<number>, users: number): number {
  return meanOverLists(lists, (item) => -Math.log2(Math.max(1, itemCounts[item] as number) / users));
}

/** Mean number of users who had what is shown: average recommendation popularity (Yin et al. 2012). */
export function shownPopularity(lists: Lists, itemCounts: ArrayLike<number>): number {
  return meanOverLists(lists, (item) => itemCounts[item] as number);
}

/** Over users, of the means of their lists; users with an empty list are left out. */
function meanOverLists(lists: Lists, value: (item: number) => number): number {
  const shown = lists.filter(({ length }) => length > 0);
  const means = shown.map(
    (list) => Array.from(list).reduce((sum, item) => sum + value(item), 0) / list.length,
  );
  return means.reduce((sum, mean) => sum + mean, 0) / Math.max(1, means.length);
}

/**
 * Popularity lift (Abdollahpouri et al. 2020): how much more popular what is shown is than what the users had by
 * themselves, as a share of the latter: 0 is no bias, 1 twice as popular. `histories` are of the users of the lists.
 */
export function popularityLift(lists: Lists, histories: Lists, itemCounts: ArrayLike<number>): number {
  const had = shownPopularity(histories, itemCounts);
  return (shownPopularity(lists, itemCounts) - had) / had;
}

/**
 * Gini coefficient of how often each item is shown: 0 where all are shown alike, towards 1 where a few take all places.
 * 0 where nothing is shown.
 */
export function exposureGini(lists: Lists, items: number): number {
  const shown = new Float64Array(items);
  for (const list of lists) {
    for (const item of Array.from(list)) shown[item] = (shown[item] as number) + 1;
  }
  shown.sort();
  let total = 0;
  let weighted = 0;
  shown.forEach((count, i) => {
    total += count;
    weighted += (2 * (i + 1) - items - 1) * count;
  });
  return total === 0 ? 0 : weighted / (items * total);
}

/**
 * Mean over users of the mean dissimilarity of two items of a list: intra-list diversity (Ziegler et al. 2005).
 * `similarity` is from 0 to 1 and symmetric; lists of fewer than two items are left out.
 */
export function diversity(lists: Lists, similarity: (a: number, b: number) => number): number {
  const judged = lists.filter(({ length }) => length > 1);
  const total = judged.reduce((sum, list) => sum + dissimilarityOf(list, similarity), 0);
  return total / Math.max(1, judged.length);
}

function dissimilarityOf(list: ArrayLike<number>, similarity: (a: number, b: number) => number): number {
  let sum = 0;
  for (let i = 0; i < list.length; i++) {
    for (let j = 0; j < i; j++) sum += 1 - similarity(list[i] as number, list[j] as number);
  }
  return sum / ((list.length * (list.length - 1)) / 2);
}
