import type { Deadline } from '#platform';
import type { ContextFeatures, InteractionContext, Profile } from '#schemas';
import type { RequestFilter } from './filters/request-filter.ts';

/** What a client says of a request beyond whom it is for. */
export type RequestDetails = {
  readonly context: InteractionContext;
  readonly sessionId: string | null;
  /** The item that is being looked at: not in the answer, and the newest of interest to models. */
  readonly currentItem: string | null;
  /** The category that is being looked at, to which the answer keeps. */
  readonly category: string | null;
  /** BCP 47; items in other languages are left out. Null for any. */
  readonly languages: readonly string[] | null;
  /** Items that came to the catalogue longer ago are left out; null for any age. */
  readonly maxAgeDays: number | null;
  /** The only items that may be shown; null for all. */
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
};

const noContext: InteractionContext = { device: null, country: null, language: null };

export const noDetails: RequestDetails = {
  context: noContext,
  sessionId: null,
  currentItem: null,
  category: null,
  languages: null,
  maxAgeDays: null,
  allow: null,
  deny: [],
};

/** Whom an answer is for: a user as the log has them, undefined for one without a name there; or a session of nobody. */
export type Recipient =
  | { readonly userId: string | undefined }
  | {
      /** What the session has met, newest first. */
      readonly recentItems: readonly string[];
    };

/** A request for k items, as it comes to the stages that make its answer. */
export type AnswerRequest = {
  readonly requestId: string;
  readonly recipient: Recipient;
  readonly k: number;
  readonly details: RequestDetails;
  /** The W3C trace context that the request came with, which the answer's record carries. */
  readonly traceparent: string | undefined;
  readonly deadline: Deadline;
  /** Time that it had when it came, ms. */
  readonly budgetMs: number;
  /** Whether it belongs to a batch that was admitted as a whole. */
  readonly isAdmitted: boolean;
};

/** A request with what is known about its user: the input of every stage. */
export type RecommendRequest = {
  readonly requestId: string;
  /** As the log names the user; empty for one of whom nothing is known, and for a session. */
  readonly userId: string;
  readonly profile: Profile | null;
  /** Items of interest, newest first. */
  readonly recentItems: readonly string[];
  /** Their numbers, below 0 for what no topic and no version has named. */
  readonly recentNumbers: Int32Array;
  /** Greatest first. */
  readonly favouriteCategories: readonly string[];
  readonly context: InteractionContext;
  /** The same as models read it. */
  readonly moment: ContextFeatures;
  /** The only category of the answer; null for any. */
  readonly category: string | null;
  readonly k: number;
  /** Ms of the world's clock. */
  readonly now: number;
  readonly filter: RequestFilter;
  readonly deadline: Deadline;
};
