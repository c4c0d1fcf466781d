/**
 * Loaded into test processes before anything else.
 *
 * The test runner follows every promise by an async hook, to tell which test an uncaught error belongs to; where much is
 * awaited that takes half of the time. Here hooks leave promises out, as `createHook({ trackPromises: false })` does: such an
 * error fails its file instead of its test. Then fast-check gets the run's seed, as it draws one from the clock otherwise.
 */
import { createHook } from 'node:async_hooks';
import { isMainThread } from 'node:worker_threads';

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

if (isMainThread && process.env.MILLRACE_SEED !== undefined) {
  const { default: fc } = await import('fast-check');
  fc.configureGlobal({ seed: Number(process.env.MILLRACE_SEED) });
}
