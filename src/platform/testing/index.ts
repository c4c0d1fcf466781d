/**
 * What tests of every room share: a clock moved by hand, a temporary directory that goes with its test, a free
 * port, access by one token, a disk without room, a flipped bit, the seed, waiting for what others do. Nothing here is used by the product itself.
 */
import type { Remedy } from '../error-declaration.ts';

export { accessBy } from './access-by.ts';
export { type ReceivedSpan, TestCollector } from './collector.ts';
export { eventually } from './eventually.ts';
export { withFlippedBit } from './flipped-bit.ts';
export { ManualClock } from './manual-clock.ts';
export { freePort, temporaryDirectory } from './resources.ts';
export { seededBytes, testSeed } from './seed.ts';
export { type SmallDisk, smallDisk } from './small-disk.ts';

declare module '#platform' {
  interface ErrorCodes {
    /** Codes of tests' own errors, of any class. */
    readonly [code: `MR_TEST${string}`]: Remedy;
  }
}
