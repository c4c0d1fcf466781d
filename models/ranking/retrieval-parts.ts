import { type Coalition, sampledShapley } from '../explanation/sampled-shapley.ts';
import type { ScorePart, ScoreParts } from '../explanation/score-parts.ts';
import { type ItemScorer, userInputOf } from '../serving/item-scorer.ts';
import type { Asking } from './port.ts';

/** Items of a history that have a part each, the newest; the older ones have one together. */
const SINGLE_ITEMS = 20;

/** One thing that a version that finds items knows a user by. */
type Player = {
  readonly part: Omit<ScorePart, 'contribution'>;
  without(asking: Asking): Asking;
};

/**
 * What contributes to a version's score of an item: the items of the user's history, the user's id and profile, and the
 * moment, as far as they change it. Undefined for an item that the version was not trained with.
 */
export async function retrievalParts(
  scorer: ItemScorer,
  asking: Asking,
  itemId: string,
): Promise<ScoreParts | undefined> {
  const { vocabulary } = scorer;
  const item = vocabulary.itemIndex(itemId);
  if (item === undefined) return undefined;
  const players = playersOf(asking);
  const { none, all, of } = await sampledShapley(players.length, async (coalitions) => {
    const askings = coalitions.map((coalition) => among(asking, players, coalition));
    const scores = await scorer.prepare(askings.map((each) => userInputOf(vocabulary, each)));
    return askings.map((_, row) => scores.of(row, item));
  });
  const parts = players
    .map(({ part }, i) => ({ ...part, contribution: of[i] as number }))
    .filter(({ contribution }) => contribution !== 0);
  return { method: 'sampled-shapley', scale: 'score', base: none, total: all, score: all, parts };
}

function playersOf({ user, recentItems }: Asking): readonly Player[] {
  const without = (items: readonly string[]) => {
    const left = new Set(items);
    return (asking: Asking): Asking => ({
      ...asking,
      recentItems: asking.recentItems.filter((id) => !left.has(id)),
    });
  };
  const older = recentItems.slice(SINGLE_ITEMS);
  return [
    ...recentItems
      .slice(0, SINGLE_ITEMS)
      .map((id): Player => ({ part: { name: 'history', value: id }, without: without([id]) })),
    ...(older.length === 0
      ? []
      : [{ part: { name: 'older history', value: older.length }, without: without(older) }]),
    { part: { name: 'user', value: user }, without: (asking) => ({ ...asking, user: '' }) },
    { part: { name: 'profile', value: null }, without: (asking) => ({ ...asking, profile: null }) },
    { part: { name: 'moment', value: null }, without: (asking) => ({ ...asking, context: null }) },
  ];
}

function among(asking: Asking, players: readonly Player[], coalition: Coalition): Asking {
  return players.reduce((left, { without }, i) => (coalition[i] === 1 ? left : without(left)), asking);
}
