import type { Candidate } from '../candidates/candidate.ts';
import type { RecommendRequest } from '../request.ts';
import type { ScoredItem } from './compare-scores.ts';
import type { RecordedRequest } from './recorded-requests.ts';

/** Most candidates of an answer that are kept to be scored again. */
const MOST_ITEMS = 100;

/** An answer as it is made, best candidates first. */
export type AnswerMade = {
  readonly request: RecommendRequest;
  readonly version: string | null;
  /** Null where no ranker scored the candidates. */
  readonly ranker: string | null;
  readonly candidates: readonly Candidate[];
};

/** What it takes to let another version answer again, and what the versions in use made of it. */
export type ObservedAnswer = {
  readonly requestId: string;
  readonly request: RecordedRequest;
  readonly retrieval: Scored;
  readonly ranking: Scored;
};

/** Best first; null where no version of the role answered. */
export type Scored = { readonly version: string; readonly scored: readonly ScoredItem[] } | null;

/** Whether a version was asked: none is for one of whom nothing is known. */
export function isObserved({ request: { userId, recentItems } }: AnswerMade): boolean {
  return userId !== '' || recentItems.length > 0;
}

export function observedAnswer({ request, version, ranker, candidates }: AnswerMade): ObservedAnswer {
  const { requestId, userId, profile, moment: context, recentItems, filter } = request;
  const ranked = candidates.slice(0, MOST_ITEMS);
  const found = candidates
    .filter(({ source }) => source === 'index')
    .map(({ itemId, sourceScore }) => ({ itemId, score: sourceScore }))
    .sort((a, b) => b.score - a.score)
    .slice(0, MOST_ITEMS);
  const k = Math.max(found.length, Math.min(request.k, MOST_ITEMS));
  const items = userId === '' ? [] : ranked.map(({ itemId }) => itemId);
  const scored = ranked.map(({ itemId, score }) => ({ itemId, score }));
  return {
    requestId,
    request: { userId, profile, context, recentItems, exclusion: filter.exclusion, k, items },
    retrieval: version === null ? null : { version, scored: found },
    ranking: ranker === null ? null : { version: ranker, scored },
  };
}
