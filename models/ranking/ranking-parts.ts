import { type Coalition, sampledShapley } from '../explanation/sampled-shapley.ts';
import type { ScorePart, ScoreParts } from '../explanation/score-parts.ts';
import type { Asking, FeatureColumn, ItemRanker, RankingQuery } from './port.ts';

/** One thing that a ranker reads, and the query of an item without it. */
type Player = {
  readonly part: Omit<ScorePart, 'contribution'>;
  /** Undefined for a feature, which a column has. */
  readonly without?: (query: ItemQuery) => ItemQuery;
};

type ItemQuery = { readonly asking: Asking; readonly item: string };

const besideFeatures = (asking: Asking, item: string): readonly Player[] => [
  {
    part: { name: 'user', value: asking.user },
    without: (query) => ({ ...query, asking: { ...query.asking, user: '' } }),
  },
  {
    part: { name: 'history', value: null },
    without: (query) => ({ ...query, asking: { ...query.asking, recentItems: [] } }),
  },
  {
    part: { name: 'profile', value: null },
    without: (query) => ({ ...query, asking: { ...query.asking, profile: null } }),
  },
  {
    part: { name: 'moment', value: null },
    without: (query) => ({ ...query, asking: { ...query.asking, context: null } }),
  },
  { part: { name: 'item', value: item }, without: (query) => ({ ...query, item: '' }) },
];

/**
 * What contributes to the score of the query's only item: by the ranker's own account where it has one, else by how the score
 * changes without a feature, the user's id, history or profile, the moment, or the item's id. Of these latter, those that
 * change nothing are left out. Errors: those of the ranker.
 */
export async function rankingParts(ranker: ItemRanker, query: RankingQuery): Promise<ScoreParts> {
  if (ranker.explain !== undefined) return ranker.explain(query);
  const { asking, items, columns } = query;
  const [item = ''] = items;
  const names = ranker.inputs.flatMap(({ features }) => features);
  const features = names.map((name, at): Player => ({ part: { name, value: shown(columns[at]?.[0]) } }));
  const players = [...features, ...besideFeatures(asking, item)];
  const shares = await sampledShapley(players.length, (coalitions) =>
    worths(ranker, { players, columns, asked: { asking, item } }, coalitions),
  );
  const parts = players
    .map(({ part }, i) => ({ ...part, contribution: shares.of[i] as number }))
    .filter(({ contribution }, i) => i < features.length || contribution !== 0);
  const { none, all } = shares;
  return { method: 'sampled-shapley', scale: 'score', base: none, total: all, score: all, parts };
}

type Game = {
  readonly players: readonly Player[];
  readonly columns: readonly FeatureColumn[];
  readonly asked: ItemQuery;
};

/** Coalitions that agree in whom the item is for go to the ranker together, as items of one query. */
async function worths(
  ranker: Pick<ItemRanker, 'score'>,
  { players, columns, asked }: Game,
  coalitions: readonly Coalition[],
): Promise<Float64Array> {
  const groups = new Map<string, number[]>();
  coalitions.forEach((coalition, nth) => {
    const key = coalition.subarray(columns.length).join();
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [nth]);
    else group.push(nth);
  });
  const scores = new Float64Array(coalitions.length);
  for (const group of groups.values()) {
    const [one] = group as [number];
    const { asking, item } = players.reduce(
      (query, { without }, player) =>
        without === undefined || coalitions[one]?.[player] === 1 ? query : without(query),
      asked,
    );
    const own = columns.map((column, at) => {
      const isThere = (nth: number) => coalitions[nth]?.[at] === 1;
      return column instanceof Float64Array
        ? Float64Array.from(group, (nth) => (isThere(nth) ? (column[0] as number) : Number.NaN))
        : group.map((nth) => (isThere(nth) ? (column[0] ?? null) : null));
    });
    const worth = await ranker.score({ asking, items: group.map(() => item), columns: own });
    group.forEach((nth, i) => {
      scores[nth] = worth[i] as number;
    });
  }
  return scores;
}

function shown(value: number | string | null | undefined): ScorePart['value'] {
  return value === undefined || Number.isNaN(value) ? null : value;
}
