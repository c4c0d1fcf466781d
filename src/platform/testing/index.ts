/**
 * What tests of every room share: a clock moved by hand, a temporary directory that goes with its test, a free
 * port. Nothing here is used by the product itself.
 */
export { ManualClock } from './manual-clock.ts';
export { freePort, temporaryDirectory } from './resources.ts';
