/** Where candidates come from beside the index: a line each. */
import { cohortSegment, countrySegment, SOURCE_SHARES } from '#features';
import type { RecommendRequest } from '../request.ts';
import type { VersionsFollower } from '../versions/versions-follower.ts';
import type { CatalogueRankings } from './catalogue-rankings.ts';
import { coVisited } from './co-visited.ts';
import type { Found, Source } from './port.ts';
import type { SegmentRankings } from './segment-rankings.ts';

/** What sources read beside the request. */
export type SourceParts = {
  readonly rankings: CatalogueRankings;
  readonly versions: VersionsFollower;
  readonly segments: SegmentRankings;
};

/** Beside the index, which has the rest of the candidates. */
export function otherSources({ rankings, versions, segments }: SourceParts): readonly Source[] {
  return [
    coVisited(versions),
    {
      name: 'followed_category',
      share: SOURCE_SHARES.followed_category,
      fillsUp: false,
      find: ({ favouriteCategories }) =>
        roundRobin(favouriteCategories.map((category) => rankings.current.byCategory.get(category) ?? [])),
    },
    {
      name: 'trending',
      share: SOURCE_SHARES.trending,
      fillsUp: false,
      find: () => rankings.current.trending,
    },
    { name: 'new', share: SOURCE_SHARES.new, fillsUp: false, find: () => rankings.current.newest },
    {
      name: 'popular_in_country',
      share: SOURCE_SHARES.popular_in_country,
      fillsUp: true,
      find: ({ context, profile }) => segments.of(countrySegment(context.country ?? profile?.country)),
    },
    {
      name: 'popular_in_cohort',
      share: SOURCE_SHARES.popular_in_cohort,
      fillsUp: true,
      find: ({ profile }) => segments.of(cohortSegment(profile)),
    },
    {
      name: 'popular',
      share: SOURCE_SHARES.popular,
      fillsUp: true,
      find: (request) => popular(rankings, request),
    },
  ];
}

/**
 * Within a category its own list is longer than what the list of all has of it; the only items that may be shown follow also
 * where no list has them.
 */
function* popular(
  { current }: CatalogueRankings,
  { category, filter }: Pick<RecommendRequest, 'category' | 'filter'>,
): Iterable<Found> {
  const { allow } = filter.exclusion;
  if (allow !== undefined) {
    for (const found of current.popular) if (allow.has(found.item)) yield found;
    for (const item of allow) yield { item, score: 0 };
    return;
  }
  if (category !== null) yield* current.byCategory.get(category) ?? [];
  yield* current.popular;
}

/** The best of each list, then the second of each, and so on. */
function* roundRobin(lists: readonly (readonly Found[])[]): Iterable<Found> {
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let rank = 0; rank < longest; rank++) {
    for (const list of lists) {
      const found = list[rank];
      if (found !== undefined) yield found;
    }
  }
}
