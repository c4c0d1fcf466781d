import { InputError } from '#platform';
import type { Random } from '../random.ts';
import { type ItemSets, usersToJudge } from './ranking.ts';

/**
 * For the sampled protocol: of each user with something to be found, `count` distinct items that the user neither had nor
 * is to find, drawn uniformly (He et al. 2017 draw 99). Equal seeds give equal negatives. A user with fewer such items
 * is MR_EVALUATION_NEGATIVES.
 */
export function drawNegatives(
  { items, heldOut, seen }: { items: number; heldOut: ItemSets; seen: ItemSets },
  count: number,
  random: Random,
): Map<number, Int32Array> {
  return new Map(
    usersToJudge(heldOut).map((user) => {
      const excluded = new Set([...(heldOut.get(user) ?? []), ...(seen.get(user) ?? [])]);
      if (items - excluded.size < count) {
        throw new InputError(
          'MR_EVALUATION_NEGATIVES',
          `user ${user} has interacted with all but ${items - excluded.size} of ${items} items`,
          { hint: `At least ${count} are needed: draw fewer, or rank all items.` },
        );
      }
      const drawn = new Set<number>();
      while (drawn.size < count) {
        const item = random.integer(items);
        if (!excluded.has(item)) drawn.add(item);
      }
      return [user, Int32Array.from(drawn)];
    }),
  );
}
