/** Lists that rankers of tests learn from, made of what each place showed. */
import type { Dataset } from '../../dataset.ts';
import type { Column } from '../../trees/ensemble.ts';
import { Vocabulary } from '../../vocabulary.ts';
import type { RankingDataset, RankingRows } from '../dataset.ts';

export type ShownRow = {
  /** One for each column. */
  readonly values: readonly number[];
  readonly grade: number;
  readonly item: number;
  readonly position?: number;
  readonly revenue?: number;
  readonly isDrawn?: boolean;
};

export type ShownList = {
  readonly user: number;
  readonly rows: readonly ShownRow[];
  /** Newest first. */
  readonly history?: readonly number[];
};

export const userId = (user: number): string => `u${user}`;
export const itemId = (item: number): string => `i${item}`;

export function rowsOf(columns: readonly Column[], lists: readonly ShownList[], items: number): RankingRows {
  const rows = lists.flatMap(({ rows: of, user, history = [] }) =>
    of.map((row) => ({ ...row, user, history })),
  );
  const starts = [0];
  for (const { rows: of } of lists) starts.push((starts.at(-1) as number) + of.length);
  const offsets = [0];
  for (const { history } of rows) offsets.push((offsets.at(-1) as number) + history.length);
  const users = Math.max(0, ...lists.map(({ user }) => user)) + 1;
  return {
    columns,
    rows: rows.length,
    values: Float32Array.from(rows.flatMap(({ values }) => values)),
    grades: Float32Array.from(rows, ({ grade }) => grade),
    positions: Float32Array.from(rows, ({ position = Number.NaN }) => position),
    revenues: Float32Array.from(rows, ({ revenue = 0 }) => revenue),
    drawn: Uint8Array.from(rows, ({ isDrawn = false }) => Number(isDrawn)),
    lists: Int32Array.from(starts),
    shown: {
      users: Array.from({ length: users }, (_, user) => ({ id: userId(user), profile: null })),
      items: Array.from({ length: items }, (_, item) => itemId(item)),
      moments: [null],
      user: Int32Array.from(rows, ({ user }) => user),
      item: Int32Array.from(rows, ({ item }) => item),
      moment: new Int32Array(rows.length),
      history: {
        offsets: Int32Array.from(offsets),
        ids: Int32Array.from(rows.flatMap(({ history }) => history)),
      },
    },
  };
}

export function datasetOf(
  train: RankingRows,
  more: Partial<Pick<RankingDataset, 'validation' | 'retrieval' | 'subjects'>> = {},
): RankingDataset {
  return { views: { 'item-features': 2 }, subjects: {}, train, heldOut: train, ...more };
}

/** What a base model learns from: which users had which items. */
export function retrievalOf(baskets: readonly (readonly number[])[], items: number): Dataset {
  const pairs = baskets.flatMap((basket, user) => basket.map((item) => [user + 1, item] as const));
  const ids = Array.from({ length: items }, (_, item) => ({ id: itemId(item), metadata: null }));
  const users = baskets.map((_, user) => ({ id: userId(user), profile: null }));
  const source = { users, items: ids };
  const vocabulary = Vocabulary.build(source);
  const columns = {
    user: Int32Array.from(pairs, ([user]) => user),
    item: Int32Array.from(pairs, ([, item]) => item),
  };
  const { features, tags } = vocabulary.itemTables(source);
  return {
    vocabulary,
    data: {
      users: users.length + 1,
      items,
      profile: vocabulary.profileTable(source),
      itemFeatures: features,
      itemTags: tags,
      train: {
        ...columns,
        weight: new Float32Array(pairs.length).fill(1),
        historyOffsets: new Int32Array(pairs.length + 1),
        history: new Int32Array(0),
      },
    },
    users: [{ id: '', profile: null }, ...users],
    titles: ids.map(() => ''),
    trainPairs: { ...columns, timestamp: Float64Array.from(pairs, (_, i) => i) },
    newestItems: new Map(baskets.map((basket, user) => [user + 1, basket.toReversed()])),
    heldOut: { user: new Int32Array(0), item: new Int32Array(0) },
    askedIn: new Map(),
  };
}
