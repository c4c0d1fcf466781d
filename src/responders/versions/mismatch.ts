import { FatalError } from '#platform';

/** A version, or an index of one, whose parts do not fit together. */
export function mismatch(version: string, problem: string): FatalError {
  return new FatalError('MR_VERSION_CORRUPT', `Version ${version} cannot be served: ${problem}.`, {
    hint: 'Train again; the previously served version stays in use.',
  });
}
