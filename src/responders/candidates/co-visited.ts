import { SOURCE_SHARES } from '#features';
import type { VersionsFollower } from '../versions/versions-follower.ts';
import type { Found, Source } from './port.ts';

/** What others had who had what the user had lately, by the version of role `similar` in force. */
export function coVisited(versions: VersionsFollower): Source {
  return {
    name: 'co_visited',
    share: SOURCE_SHARES.co_visited,
    fillsUp: true,
    async find(
      { userId, profile, moment, recentItems, recentNumbers, filter },
      quota,
    ): Promise<readonly Found[]> {
      if (recentItems.length === 0) return [];
      const version = versions.acquireSimilar();
      try {
        const query = {
          userId,
          profile,
          context: moment,
          recentItems,
          recentNumbers,
          exclusion: filter.exclusion,
          k: quota,
        };
        return (await version?.recommend(query)) ?? [];
      } finally {
        version?.release();
      }
    },
  };
}
