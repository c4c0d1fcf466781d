/** Refusals of requests for recommendations, whether they come over HTTP or as calls. */
import { InputError } from '#platform';

export const MAX_ITEMS = 100;
export const DEFAULT_ITEMS = 10;

export function countRefused(): InputError {
  return new InputError('MR_RECOMMEND_K', `k must be a whole number from 1 to ${MAX_ITEMS}.`, {
    hint: `Omit it for ${DEFAULT_ITEMS} items.`,
  });
}

export function contextRefused(problem: string): InputError {
  return new InputError('MR_RECOMMEND_CONTEXT', `${problem}.`, { hint: 'Correct or omit it.' });
}

export function requestIdRefused(reason: string): InputError {
  return new InputError('MR_RECOMMEND_REQUEST', `A request id ${reason}.`, {
    hint: 'Omit it to have one generated.',
  });
}
