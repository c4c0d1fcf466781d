import { type Dataset, openItemScorer, type Serving, userInputOf } from '#models';
import type { ItemScores } from './evaluation.ts';

/** What answers are made of: a model's way to serve, and the files of a version. */
export type ServedModel = { readonly serving: Serving; readonly read: (name: string) => Uint8Array };

/**
 * The scores that a model gives the items of a dataset for its users, as the responder would compute them when their
 * training part ends: with the newest items of that part, in the moment of what they did next. A model of another
 * vocabulary is asked in its own terms; what it does not know it ranks last.
 */
export async function scoresOf(
  { serving, read }: ServedModel,
  { users: known, newestItems, askedIn, vocabulary: own, data }: Dataset,
  users: readonly number[],
): Promise<ItemScores> {
  const scorer = await openItemScorer(serving, read);
  try {
    const { vocabulary } = scorer;
    const inputs = users.map((user) => {
      const { id = '', profile = null } = known[user] ?? {};
      const recentItems = (newestItems.get(user) ?? []).map((item) => own.itemId(item));
      return userInputOf(vocabulary, { user: id, recentItems, profile, context: askedIn.get(user) ?? null });
    });
    const prepared = await scorer.prepare(inputs);
    const rows = new Map(users.map((user, row) => [user, row]));
    const items = Int32Array.from({ length: data.items }, (_, item) => {
      return vocabulary.itemIndex(own.itemId(item)) ?? -1;
    });
    const score = (user: number, item: number) => {
      const index = items[item] as number;
      return index < 0 ? Number.NEGATIVE_INFINITY : prepared.of(rows.get(user) as number, index);
    };
    const scores = new Float64Array(items.length);
    return {
      all: (user) => {
        const own = prepared.ofAll(rows.get(user) as number);
        items.forEach((index, item) => {
          scores[item] = index < 0 ? Number.NEGATIVE_INFINITY : (own[index] as number);
        });
        return scores;
      },
      some: (user, candidates) => Float64Array.from(candidates, (item) => score(user, item)),
    };
  } finally {
    await scorer.close();
  }
}
