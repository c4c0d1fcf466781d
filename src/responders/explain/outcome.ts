import type { Answer, CandidateSource } from '#schemas';

/**
 * `shown`; `not_shown`: others went before it; `dropped`: found, and taken out by a filter; `not_found`: by no source, or left
 * out of the index's search by a filter; `not_kept`: not shown, and the event does not keep what else there was.
 */
export type OutcomeKind = 'shown' | 'not_shown' | 'dropped' | 'not_found' | 'not_kept';

/** What became of an item in an answer, as its event says. */
export type Outcome = {
  readonly outcome: OutcomeKind;
  /** In the answer, from 1. */
  readonly place: number | null;
  /** Among the candidates by their scores, from 1. */
  readonly rank: number | null;
  readonly candidates: number | null;
  /** What it was shown as; null where it was not. */
  readonly source: CandidateSource | null;
  /** All that found it. */
  readonly sources: readonly CandidateSource[];
  readonly source_score: number | null;
  readonly score: number | null;
  readonly propensity: number | null;
  /** The filter that took it out. */
  readonly dropped: string | null;
};

export function outcomeOf({ items, candidates }: Answer, itemId: string): Outcome {
  const place = items.findIndex(({ item_id }) => item_id === itemId);
  const found = candidates.findIndex(({ item_id }) => item_id === itemId);
  const shown = items[place];
  const candidate = candidates[found];
  const dropped = candidate?.dropped ?? null;
  const isKept = candidates.length > 0;
  return {
    outcome: kindOf({ isShown: place >= 0, isFound: found >= 0, isDropped: dropped !== null, isKept }),
    place: shown === undefined ? null : place + 1,
    rank: candidate === undefined || dropped !== null ? null : found + 1,
    candidates: isKept ? candidates.filter((each) => each.dropped === null).length : null,
    source: shown?.source ?? null,
    sources: candidate?.sources ?? (shown === undefined || shown.source === 'promoted' ? [] : [shown.source]),
    source_score: candidate?.source_score ?? null,
    score: shown?.score ?? candidate?.score ?? null,
    propensity: shown?.propensity ?? null,
    dropped,
  };
}

function kindOf(of: {
  readonly isShown: boolean;
  readonly isFound: boolean;
  readonly isDropped: boolean;
  readonly isKept: boolean;
}): OutcomeKind {
  if (of.isShown) return 'shown';
  if (of.isDropped) return 'dropped';
  if (of.isFound) return 'not_shown';
  return of.isKept ? 'not_found' : 'not_kept';
}
