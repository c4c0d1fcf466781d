import { type Answer, answerDefaults, answeredItemDefaults } from '#schemas';
import { NO_USER } from './answer-log.ts';
import type { Candidate } from './candidates/candidate.ts';
import { type FeatureRow, hashAt, rowAt } from './explain/feature-row.ts';
import type { RecommendingOptions } from './options.ts';
import type { Judged, Selection } from './recommender.ts';
import type { AnswerRequest } from './request.ts';
import { isSampled } from './sampling.ts';

type Answered = Selection & Pick<Answer, 'request_id' | 'ts' | 'k' | 'latency_ms' | 'cached'>;

/** How much of an answer its event keeps. */
export type Audit = Pick<RecommendingOptions, 'candidatesLogged' | 'featuresLogged'>;

/** An answer as topic `answers` has it. Of one who has no name on the log it says nothing but what was shown. */
export function answerEvent(
  { details }: AnswerRequest,
  user: string,
  answered: Answered,
  audit: Audit,
): Answer {
  const { candidates: _, dropped: __, judged, shown, items, ...answer } = answered;
  const { context, sessionId, currentItem, category } = details;
  const isNamed = user !== NO_USER;
  const featuresOf = isNamed && judged !== null ? loggedFeatures(judged, audit) : () => noFeatures;
  return {
    ...answerDefaults,
    ...answer,
    user_id: user,
    items: items.map(({ item_id, score, source, propensity }, at) => ({
      ...answeredItemDefaults,
      item_id,
      score,
      source,
      propensity,
      ...featuresOf(shown[at]),
    })),
    ...(isNamed && { context, session_id: sessionId, current_item: currentItem, category }),
    ...(isNamed && {
      drops: dropsOf(answered),
      features_ts: judged?.ts ?? null,
      candidates: isSampled(answer.request_id, audit.candidatesLogged) ? candidatesOf(answered) : [],
    }),
  };
}

const noFeatures = { features: null, features_hash: null };

function loggedFeatures(judged: Judged, { featuresLogged }: Audit) {
  return (
    item: number | undefined,
  ): { readonly features: FeatureRow | null; readonly features_hash: string | null } => {
    const place = item === undefined ? -1 : judged.items.indexOf(item);
    if (place < 0) return noFeatures;
    const features = featuresLogged === 'rows' ? rowAt(judged.columns, place) : null;
    return { features, features_hash: hashAt(judged.columns, place) };
  };
}

function dropsOf({ dropped }: Pick<Selection, 'dropped'>): Record<string, number> {
  const drops: Record<string, number> = {};
  for (const { refusal } of dropped) drops[refusal] = (drops[refusal] ?? 0) + 1;
  return drops;
}

function candidatesOf({ candidates, dropped }: Selection): Answer['candidates'] {
  return [
    ...candidates.map((candidate) => candidateOf(candidate, null)),
    ...dropped.map(({ candidate, refusal }) => candidateOf(candidate, refusal)),
  ];
}

function candidateOf(candidate: Candidate, dropped: string | null): Answer['candidates'][number] {
  const { itemId, sources, sourceScore, scoreOrNull } = candidate;
  return { item_id: itemId, sources, source_score: sourceScore, score: scoreOrNull, dropped };
}
