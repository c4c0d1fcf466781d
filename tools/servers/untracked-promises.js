/**
 * Loaded into the processes of `npm test` before anything else. The test runner follows every promise by an async hook, so
 * as to tell which test an error belongs to that nobody has caught; where much is awaited that takes half of the time.
 * Here hooks are made to leave promises out, as `createHook({ trackPromises: false })` does: such an error fails its file
 * instead of its test. Plain JavaScript, as tests of the launcher start an older Node, for which this changes nothing.
 */
import { createHook } from 'node:async_hooks';

const hook = createHook({ init() {} });
const prototype = Object.getPrototypeOf(hook);
const leavesPromisesOut = Object.getOwnPropertySymbols(hook).find(
  ({ description }) => description === 'kNoPromiseHook',
);
if (leavesPromisesOut !== undefined) {
  const { enable } = prototype;
  prototype.enable = function enableWithoutPromises() {
    this[leavesPromisesOut] = true;
    return enable.call(this);
  };
}
