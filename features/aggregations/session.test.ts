import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EPOCH_MS } from '../testing/interactions.ts';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { type Sample, sample, samples } from '../testing/samples.ts';
import { type Session, session } from './session.ts';

const MINUTE_MS = 60_000;
const limits = { gapMs: 30 * MINUTE_MS, horizonMs: 240 * MINUTE_MS };
const subject = standalone(session<Sample>(limits));
const none = { position: 0, lengthMs: 0, startedAt: null };

const at = (...minutes: number[]) => minutes.map((minute) => sample({ ts: EPOCH_MS + minute * MINUTE_MS }));
const read = (events: readonly Sample[], minute: number) =>
  subject.finish(fold(subject, events), EPOCH_MS + minute * MINUTE_MS) as Session;

/** Few and on tens of minutes, so that gaps of exactly 30 minutes are common; or many. */
const minutes = fc.oneof(
  fc.array(
    fc.integer({ min: 0, max: 50 }).map((tens) => 10 * tens),
    { minLength: 1, maxLength: 25, size: 'max' },
  ),
  fc.array(fc.integer({ min: 0, max: 700 }), { minLength: 1, maxLength: 60, size: 'max' }),
);

describe('session', () => {
  it('obeys the laws', () => {
    assertLaws(subject, samples);
    const within = fc.integer({ min: 0, max: 400 }).map((minute) => at(minute)[0] as Sample);
    assertLaws(subject, within);
  });

  it('is the run of events with less than the gap between them that is open at now', () => {
    fc.assert(
      fc.property(minutes, fc.integer({ min: -5, max: 60 }), (times, later) => {
        const ascending = times.toSorted((a, b) => a - b);
        const newest = ascending.at(-1) as number;
        const kept = ascending.filter((minute) => newest - minute < 240);
        let run: number[] = [];
        for (const minute of kept) run = minute - (run.at(-1) ?? minute) < 30 ? [...run, minute] : [minute];
        const first = run[0] as number;
        const open = {
          position: run.length,
          lengthMs: (newest - first) * MINUTE_MS,
          startedAt: EPOCH_MS + first * MINUTE_MS,
        };
        assert.deepEqual(read(at(...times), newest + later), later >= 30 ? none : open);
      }),
    );
  });

  it('joins two sessions when a late event lies between them', () => {
    assert.equal(read(at(0, 10, 50, 60), 61).position, 2);
    assert.deepEqual(read(at(0, 10, 50, 60, 30), 61), {
      position: 5,
      lengthMs: 60 * MINUTE_MS,
      startedAt: EPOCH_MS,
    });
  });

  it('is none without events, and once the gap has passed in silence', () => {
    assert.deepEqual(read([], 0), none);
    assert.equal(read(at(0), 29).position, 1);
    assert.deepEqual(read(at(0), 30), none);
  });

  it('forgets what lies the horizon or more before the newest event', () => {
    assert.equal(fold(subject, at(0, 239)).length, 2);
    assert.equal(fold(subject, at(240, 0)).length, 1);
    const forgotten = [EPOCH_MS, EPOCH_MS + limits.horizonMs];
    assert.throws(() => subject.decode(subject.encode(forgotten)), { code: 'MR_FEATURES_STATE_MALFORMED' });
  });

  it('refuses a horizon shorter than its gap', () => {
    assert.throws(() => session({ gapMs: 2, horizonMs: 1 }), { code: 'MR_INVARIANT' });
  });
});
