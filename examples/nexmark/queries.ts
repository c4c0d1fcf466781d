import { q0, q1, q2, q10, q14, q21, q22 } from './queries/bids.ts';
import { q3, q13, q20 } from './queries/joins.ts';
import { q18, q19 } from './queries/last-and-top.ts';
import { q15, q16, q17 } from './queries/statistics.ts';
import { q5, q7, q8, q11, q12 } from './queries/windows.ts';
import { q4, q6, q9 } from './queries/winning-bids.ts';
import type { Query } from './query.ts';

/** NEXMark's queries by their names. */
export const queries: { readonly [name: string]: Query } = {
  q0,
  q1,
  q2,
  q3,
  q4,
  q5,
  q6,
  q7,
  q8,
  q9,
  q10,
  q11,
  q12,
  q13,
  q14,
  q15,
  q16,
  q17,
  q18,
  q19,
  q20,
  q21,
  q22,
};
