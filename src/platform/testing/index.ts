/**
 * What tests of every room share: a clock moved by hand, a temporary directory that goes with its test, a free
 * port. Nothing here is used by the product itself.
 */
import type { Remedy } from '../error-declaration.ts';

export { ManualClock } from './manual-clock.ts';
export { freePort, temporaryDirectory } from './resources.ts';

declare module '#platform' {
  interface ErrorCodes {
    /** Codes of tests' own errors, of any class. */
    readonly [code: `MR_TEST${string}`]: Remedy;
  }
}
