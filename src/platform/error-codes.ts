import type { Remedy } from './errors.ts';

export type ErrorDescription = {
  readonly code: string;
  readonly remedy: Remedy;
  /** What has happened. */
  readonly meaning: string;
  /** What to do about it. */
  readonly action: string;
};

/** Every error code of the product, by area. docs/ERRORS.md is generated from it. */
export const errorCatalogue: readonly ErrorDescription[] = [];
