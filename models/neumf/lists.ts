import type { RankingRows } from '../ranking/dataset.ts';
import { type KindWeights, kindWeights } from '../ranking/kind-weights.ts';
import type { NeuMfData } from './data.ts';

/** What lists teach, and the ids of its users and items in the order of their numbers. */
export type LearnedLists = {
  readonly data: NeuMfData;
  readonly users: readonly string[];
  readonly items: readonly string[];
};

/**
 * Each item that was taken is a pair; its negatives are the items of its list that were left. Users who took nothing are
 * not known, nor are items that no step reads.
 */
export function learnedLists(rows: RankingRows, weighed: KindWeights): LearnedLists {
  const { grades, lists, shown } = rows;
  const weights = kindWeights(rows, weighed);
  const users = numbering(shown.users.map(({ id }) => id));
  const items = numbering(shown.items);
  const pairs: { readonly user: number; readonly item: number; readonly row: number }[] = [];
  const offsets = [0];
  const left: number[] = [];
  let isOneAlone = false;
  for (let list = 0; list + 1 < lists.length; list++) {
    const all = Array.from(
      { length: (lists[list + 1] as number) - (lists[list] as number) },
      (_, i) => i + (lists[list] as number),
    );
    const taken = all.filter((row) => (grades[row] as number) > 0);
    const others = all.filter((row) => grades[row] === 0);
    for (const row of taken) {
      pairs.push({
        user: users.numberOf(shown.user[row] as number),
        item: items.numberOf(shown.item[row] as number),
        row,
      });
      for (const other of others) left.push(items.numberOf(shown.item[other] as number));
      offsets.push(left.length);
    }
    isOneAlone ||= taken.length > 0 && others.length === 0;
  }
  // Negatives of a pair that was shown alone are drawn from all items.
  if (isOneAlone) for (const item of shown.item) items.numberOf(item);
  return {
    data: {
      users: users.ids.length,
      items: items.ids.length,
      train: {
        user: Int32Array.from(pairs, ({ user }) => user),
        item: Int32Array.from(pairs, ({ item }) => item),
        ...(weights && { weight: Float32Array.from(pairs, ({ row }) => weights[row] as number) }),
      },
      left: { offsets: Int32Array.from(offsets), ids: Int32Array.from(left) },
    },
    users: users.ids,
    items: items.ids,
  };
}

/** Numbers ids from 0, in the order of first use. */
function numbering(all: readonly string[]) {
  const numbers = new Map<number, number>();
  const ids: string[] = [];
  return {
    ids,
    numberOf(at: number): number {
      const known = numbers.get(at);
      if (known !== undefined) return known;
      numbers.set(at, ids.length);
      return ids.push(all[at] as string) - 1;
    },
  };
}
