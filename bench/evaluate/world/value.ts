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

/** What the oracle shows: each user's best items. */
export function bestShown(users: number, oracle: Oracle): Shown {
  return Array.from({ length: users }, (_, user) =>
    [...oracle.clickChances(user)]
      .sort(([, a], [, b]) => b - a)
      .slice(0, SHOWN)
      .map(([item]) => item),
  );
}
