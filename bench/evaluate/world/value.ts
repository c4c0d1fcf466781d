import type { Oracle } from '#simulator';

/** How many items each user is shown. */
export const SHOWN = 10;

/** By user, in the world's order: ids of the items shown, best first. */
export type Shown = readonly (readonly string[])[];

/** Of each user: the mean chance of a click on what is shown; an empty place is never clicked on. */
export function clickChanceOf(shown: Shown, oracle: Oracle): Float64Array {
  return Float64Array.from(shown, (items, user) => {
    const chances = oracle.clickChances(user);
    return items.reduce((sum, item) => sum + (chances.get(item) ?? 0), 0) / SHOWN;
  });
}

/**
 * NDCG of what is shown to each user, where an item is as relevant as its click is likely; the ideal is the order of the
 * oracle, which may show what the user has seen before.
 */
export function ndcgOf(shown: Shown, best: Shown, oracle: Oracle): Float64Array {
  return Float64Array.from(shown, (items, user) => {
    const chances = oracle.clickChances(user);
    const gainOf = (list: readonly string[]) =>
      list.reduce((sum, item, place) => sum + (chances.get(item) ?? 0) / Math.log2(place + 2), 0);
    return gainOf(items) / gainOf(best[user] ?? []);
  });
}

/** What the oracle shows: each user's best items. */
export function bestShown(users: number, oracle: Oracle): Shown {
  return Array.from({ length: users }, (_, user) =>
    [...oracle.clickChances(user)]
      .sort(([, a], [, b]) => b - a)
      .slice(0, SHOWN)
      .map(([item]) => item),
  );
}
