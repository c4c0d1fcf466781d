import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { EPOCH_MS, timestamps } from '../testing/interactions.ts';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { blockWidth, decayedScoreBucket, decayedSum } from './decayed-sum.ts';

type Sample = { readonly ts: number; readonly amount: number };

const HOUR_MS = 3_600_000;
/** Steps of a score for which the sum halves. */
const SCORE_BUCKETS_PER_HALVING = 8;
const HALF_LIFE_MS = 7 * 24 * HOUR_MS;
const HORIZON_MS = 12 * HALF_LIFE_MS;
const WIDEST_MS = 32 * HOUR_MS;
const decayed = decayedSum(HALF_LIFE_MS, (event: Sample) => event.amount);
const subject = standalone(decayed);

const samples = fc.record({ ts: timestamps, amount: fc.integer({ min: 0, max: 5 }) });
/** Hours apart, over some horizons: many blocks of every width, and some of them forgotten. */
const spread = fc.record({
  ts: fc.integer({ min: 0, max: (3 * HORIZON_MS) / HOUR_MS }).map((hours) => EPOCH_MS + hours * HOUR_MS),
  amount: fc.integer({ min: 1, max: 5 }),
});

/** Between which values the decayed sum must lie, from the widths that events of that age can be in. */
function bounds(events: readonly Sample[], asked: number): [low: number, high: number] {
  const newest = Math.max(...events.map(({ ts }) => ts));
  const now = Math.max(asked, Math.floor(newest / HOUR_MS) * HOUR_MS);
  let low = 0;
  let high = 0;
  for (const { ts, amount } of events) {
    const lag = newest - ts;
    const slackMs = Math.min(WIDEST_MS, Math.max(HOUR_MS, (lag + HOUR_MS) / 8)) / 2;
    const term = (ageMs: number) => amount * 2 ** (-Math.max(0, ageMs) / HALF_LIFE_MS);
    if (lag < HORIZON_MS) low += term(now - ts + slackMs);
    if (lag < HORIZON_MS + WIDEST_MS + HOUR_MS) high += term(now - ts - slackMs);
  }
  return [low * (1 - 1e-9), high * (1 + 1e-9)];
}

describe('decayedSum', () => {
  it('obeys the laws over mixed times', () => assertLaws(subject, samples));

  it('obeys the laws over spread times', () => assertLaws(subject, spread, { maxLength: 150 }));

  it('is the exact decayed sum within what its blocks are wide', () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(samples, spread), { minLength: 1, maxLength: 150, size: 'max' }),
        fc.integer({ min: -HOUR_MS, max: 2 * HORIZON_MS }),
        (events, laterMs) => {
          const now = Math.max(...events.map(({ ts }) => ts)) + laterMs;
          const found = decayed.finish(fold(subject, events), now);
          const [low, high] = bounds(events, now);
          assert.ok(low <= found && found <= high, `${found} is not between ${low} and ${high}`);
        },
      ),
    );
  });

  it('halves with the half-life', () => {
    const state = fold(subject, [{ ts: EPOCH_MS + HOUR_MS / 2, amount: 8 }]);
    assert.equal(decayed.finish(state, EPOCH_MS + HOUR_MS / 2), 8);
    assert.equal(decayed.finish(state, EPOCH_MS + HOUR_MS / 2 + HALF_LIFE_MS), 4);
    assert.equal(
      decayed.finish(state, EPOCH_MS - HALF_LIFE_MS),
      8,
      'an event after now has not begun to decay',
    );
    assert.equal(decayed.finish(decayed.empty(), EPOCH_MS), 0);
  });

  it('joins two hours when the newest lies eight times their length beyond them', () => {
    const startsAt = (newest: number) => {
      const hours = [0, 1, newest].map((hour) => ({ ts: EPOCH_MS + hour * HOUR_MS, amount: 1 }));
      return fold(subject, hours).starts.map((start) => start - EPOCH_MS / HOUR_MS);
    };
    assert.equal((EPOCH_MS / HOUR_MS) % 2, 0, 'both are in one block');
    assert.deepEqual(startsAt(17), [0, 1, 17]);
    assert.deepEqual(startsAt(18), [0, 18]);
  });

  it('keeps a bounded number of blocks, however long the history', () => {
    const hourly = Array.from({ length: 6000 }, (_, hour) => ({ ts: EPOCH_MS + hour * HOUR_MS, amount: 1 }));
    const { starts, sums } = fold(subject, hourly);
    assert.ok(starts.length < 120, `${starts.length} blocks`);
    const kept = sums.reduce((total, amount) => total + amount, 0);
    assert.ok(kept * HOUR_MS >= HORIZON_MS && kept * HOUR_MS <= HORIZON_MS + WIDEST_MS, `${kept} hours kept`);
  });

  it('has blocks that only ever grow, in whole halves', () => {
    fc.assert(
      fc.property(fc.nat({ max: 5000 }), fc.nat({ max: 5000 }), fc.nat({ max: 300 }), (hour, lag, later) => {
        const before = blockWidth(hour, hour + lag);
        const after = blockWidth(hour, hour + lag + later);
        assert.ok(after >= before, 'a block parted');
        const start = Math.floor(hour / after) * after;
        for (let other = start; other < start + after; other++) {
          assert.equal(blockWidth(other, hour + lag + later), after, 'hours of one block disagree');
        }
      }),
    );
  });

  it('refuses bytes with blocks that do not exist', () => {
    const state = fold(subject, [
      { ts: 0, amount: 1 },
      { ts: 100 * HOUR_MS, amount: 1 },
    ]);
    const shifted = {
      starts: state.starts.map((start, index) => start + (index === 0 ? 1 : 0)),
      sums: state.sums,
    };
    const forgotten = { starts: [-32 * 100, ...state.starts], sums: [1, ...state.sums] };
    for (const wrong of [shifted, forgotten]) {
      assert.throws(() => subject.decode(subject.encode(wrong)), { code: 'MR_FEATURES_STATE_MALFORMED' });
    }
  });
});

describe('decayedScoreBucket', () => {
  it('is the logarithm of the sum with the decay since the epoch taken back, at any later time', () => {
    const lists = fc.array(fc.oneof(samples, spread), { minLength: 1, maxLength: 100, size: 'max' });
    fc.assert(
      fc.property(lists, fc.integer({ min: HOUR_MS, max: 2 * HORIZON_MS }), (events, laterMs) => {
        const state = fold(subject, events);
        const now = Math.max(...events.map(({ ts }) => ts)) + laterMs;
        const total = decayed.finish(state, now);
        const bucket = decayedScoreBucket(state, HALF_LIFE_MS);
        if (total === 0) return assert.equal(bucket, null);
        const score = SCORE_BUCKETS_PER_HALVING * (Math.log2(total) + now / HALF_LIFE_MS);
        const above = score - (bucket as number);
        assert.ok(above > -1e-6 && above < 1 + 1e-6, `bucket ${bucket} for a score of ${score}`);
      }),
    );
  });

  it('is null for nothing, and rises by eight for each doubling or half-life', () => {
    const bucket = (amount: number, ts: number) =>
      decayedScoreBucket(fold(subject, [{ ts, amount }]), HALF_LIFE_MS);
    assert.equal(decayedScoreBucket(subject.empty(), HALF_LIFE_MS), null);
    assert.equal(bucket(0, EPOCH_MS), null);
    const one = bucket(1, EPOCH_MS) as number;
    assert.equal(bucket(2, EPOCH_MS), one + 8);
    assert.equal(bucket(1, EPOCH_MS + HALF_LIFE_MS), one + 8);
  });
});
