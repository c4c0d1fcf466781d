import type { Answer, AnsweredItem } from './generated/types.ts';

/** What an answer says where nothing was found out: the schema's own defaults. */
export const answerDefaults = {
  ranker: null,
  degraded: null,
  variant: null,
  context: null,
  session_id: null,
  current_item: null,
  category: null,
  candidates: [],
  drops: {},
  features_ts: null,
  cached: false,
} as const satisfies Partial<Answer>;

/** The same of an item in one. */
export const answeredItemDefaults = {
  propensity: null,
  features: null,
  features_hash: null,
} as const satisfies Partial<AnsweredItem>;
