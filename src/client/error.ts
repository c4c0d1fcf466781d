import type { Problem } from './api.ts';

/** An answer that is an error. `problem` is its body where that is problem details; a proxy's is not. */
export class ApiError extends Error {
  readonly status: number;
  /** The stable code, such as MR_RECOMMEND_K; undefined where the answer has none. */
  readonly code: string | undefined;
  readonly problem: Problem | undefined;

  constructor(status: number, statusText: string, problem: Problem | undefined) {
    super(problem?.message ?? `${status} ${statusText}`);
    this.name = 'ApiError';
    this.status = status;
    this.code = problem?.code;
    this.problem = problem;
  }
}
