import assert from 'node:assert/strict';
import { it } from 'node:test';
import { DeferredProcessing } from './deferred-processing.ts';
import type { Processing } from './processing.ts';

it('who asks before it has begun learns what it waits for', async () => {
  const waits = [
    ['restore', /are being assigned and restored/, /health\/ready/],
    ['carry-over', /an earlier release is being carried over/, /carry_over_remaining_records/],
  ] as const;
  for (const [delay, message, hint] of waits) {
    const begun = Promise.withResolvers<Processing>();
    const processing = new DeferredProcessing(delay, (signal) => {
      signal.addEventListener('abort', () => begun.reject(signal.reason));
      return begun.promise;
    });
    const asked = processing.query('user-views/user-features', { kind: 'key', key: 'anna' });
    await assert.rejects(asked, { code: 'MR_QUERY_TASK_MOVING', message, hint });
    assert.deepEqual(await processing.report(), []);
    await processing.stop();
    await processing.ended;
  }
});
