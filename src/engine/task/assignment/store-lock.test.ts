import assert from 'node:assert/strict';
import { it } from 'node:test';
import { FatalError, RetryableError } from '#platform';
import { ManualClock } from '#platform/testing';
import { whenUnlocked } from './store-lock.ts';

const locked = () => new RetryableError('MR_STORE_LOCKED', 'open elsewhere');

/** Asks for a database that is locked until `freeAtMs`; gives when it was tried, and how that ended. */
async function opening(freeAtMs: number, signal?: AbortSignal) {
  const clock = new ManualClock();
  const tries: number[] = [];
  const open = () => {
    tries.push(clock.monotonic());
    return clock.monotonic() < freeAtMs ? Promise.reject(locked()) : Promise.resolve('open');
  };
  let end: unknown;
  void whenUnlocked(clock, open, signal).then(
    (value) => {
      end = value;
    },
    (error: unknown) => {
      end = error;
    },
  );
  return { clock, tries, end: () => end };
}

it('a locked database is tried every 100 ms, for a minute', async () => {
  const { clock, tries, end } = await opening(250);
  for (let ms = 0; ms < 400; ms += 10) await clock.advance(10);
  assert.deepEqual(tries, [0, 100, 200, 300]);
  assert.equal(end(), 'open');

  const never = await opening(Number.POSITIVE_INFINITY);
  for (let ms = 0; ms < 60_000; ms += 100) await never.clock.advance(100);
  assert.equal(never.end(), undefined, 'the last try is at a minute exactly');
  await never.clock.advance(100);
  assert.equal((never.end() as RetryableError).code, 'MR_STORE_LOCKED');
  assert.equal(never.tries.length, 602);
});

it('it is given up at once when nobody waits any more, or when it is not the lock', async () => {
  const stop = new AbortController();
  const { clock, tries, end } = await opening(Number.POSITIVE_INFINITY, stop.signal);
  await clock.advance(150);
  stop.abort(new Error('enough'));
  await clock.advance(0);
  assert.match(String(end()), /enough|abort/i);
  assert.equal(tries.length, 2);
  const damaged = new FatalError('MR_STORE_CORRUPT', 'damaged');
  await assert.rejects(
    whenUnlocked(clock, () => Promise.reject(damaged)),
    damaged,
  );
});
