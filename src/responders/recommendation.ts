/** Answers as they are given, to users, sessions, and of items. */
import type { ErrorBody } from '#platform';
import type { Ranking, RecommendedItem, Selection } from './recommender.ts';

/**
 * An answer as it is given. Topic `answers` has the same without the titles, with the user's pseudonym, with no user where
 * the one who asked has none, and with what it was chosen from.
 */
export type Recommendation = Pick<Selection, 'version' | 'ranker' | 'degraded'> & {
  readonly request_id: string;
  readonly user_id: string;
  /** When it was given, ms since the epoch. */
  readonly ts: number;
  readonly k: number;
  /** In the order to be shown; fewer than k when there are no more that may be shown. */
  readonly items: readonly RecommendedItem[];
  readonly latency_ms: number;
};

/** An answer to nobody in particular: of a session, by what it has met. */
export type SessionRecommendation = Omit<Recommendation, 'user_id'> & { readonly user_id: null };

/** One answer of many, or why it could not be made. */
export type BatchAnswer =
  | { readonly answer: Recommendation | SessionRecommendation }
  | { readonly error: ErrorBody & { readonly status: number } };

/** Items as `POST /rank` orders them, and those that it could not. */
export type RankedItems = Omit<Recommendation, 'k' | 'items'> & Ranking;

/** What `GET /similar/ITEM` answers. */
export type SimilarItems = {
  readonly item_id: string;
  readonly version: string;
  readonly k: number;
  /** Most alike first; fewer than k where the model knows no more, none of them unavailable. */
  readonly items: readonly { readonly item_id: string; readonly title: string; readonly score: number }[];
};
