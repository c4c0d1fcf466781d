import { setImmediate } from 'node:timers/promises';
import { FatalError } from '#platform';
import { isAway } from '../degradations.ts';
import type { FeatureReader } from '../features/feature-reader.ts';
import { itemIdOf, itemNumber } from '../view-store/item-numbers.ts';
import type { ScoredItem } from './compare-scores.ts';
import type { RecordedRequest } from './recorded-requests.ts';
import type { ServedRanker } from './served-ranker.ts';
import type { ServedVersion } from './served-version.ts';

/** Scores of a version for a request that was answered before, best first. Rejects as the version does. */
export type Replay = (request: RecordedRequest) => Promise<readonly ScoredItem[]>;

export function replayFound(version: ServedVersion): Replay {
  return async (request) => {
    const found = await version.recommend(request);
    return found.map(({ item, score }) => ({ itemId: itemIdOf(item), score }));
  };
}

export function replayRanked(ranker: ServedRanker, reader: FeatureReader): Replay {
  return async ({ userId, recentItems, profile, context, items }) => {
    if (items.length === 0) return [];
    const asking = { user: userId, recentItems, profile, context };
    const { scores } = await ranker.judge(reader, asking, Int32Array.from(items, itemNumber));
    const scored = items.map((itemId, place) => ({ itemId, score: scores[place] as number }));
    return scored.sort((a, b) => b.score - a.score);
  };
}

/**
 * The scores of the request; undefined where the rows to score by are out of reach, which is not the version's fault. A
 * task of the event loop passes first: a replay may compute on the thread that answers.
 */
export async function replayed(
  replay: Replay,
  request: RecordedRequest,
): Promise<readonly ScoredItem[] | undefined> {
  await setImmediate();
  try {
    return await replay(request);
  } catch (error) {
    if (isAway(error)) return undefined;
    throw error;
  }
}

/** The same of the version in use, whose failures are reported where it answers. */
export async function replayedInUse(
  replay: Replay,
  request: RecordedRequest,
): Promise<readonly ScoredItem[] | undefined> {
  try {
    return await replayed(replay, request);
  } catch (error) {
    if (error instanceof FatalError) return undefined;
    throw error;
  }
}
