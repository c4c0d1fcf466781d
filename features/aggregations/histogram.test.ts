import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { type Sample, sample, sampleLists, samples } from '../testing/samples.ts';
import { histogram, histogramOf, hourHistogram, hourOfDay, weekday, weekdayHistogram } from './histogram.ts';

const parts = standalone(histogram(4, (event: Sample) => (event.item === null ? null : event.amount & 3)));
const valued = standalone(histogramOf([-1, 0, 2.5], (event: Sample) => event.value));

describe('histogram', () => {
  it('obeys the laws', () => assertLaws(parts, samples));

  it('counts events by index and passes over those without one', () => {
    const events = [...[0, 3, 3, 4].map((amount) => sample({ amount })), sample({ item: null })];
    assert.deepEqual(parts.finish(fold(parts, events), 0), [2, 0, 0, 2]);
  });

  it('refuses an index outside of its buckets', () => {
    for (const amount of [-1, 4, 0.5]) {
      const narrow = histogram(4, (event: Sample) => event.amount);
      assert.throws(() => narrow.add(narrow.empty(), sample({ amount })), { code: 'MR_INVARIANT' });
    }
  });
});

describe('histogramOf', () => {
  it('obeys the laws', () => assertLaws(valued, samples));

  it('puts a number on a bound into the bucket that begins there', () => {
    fc.assert(
      fc.property(sampleLists, (events) => {
        const numbers = events.flatMap(({ value }) => (value === null ? [] : [value]));
        const within = (low: number, high: number) => numbers.filter((n) => low <= n && n < high).length;
        const infinity = Number.POSITIVE_INFINITY;
        const expected = [within(-infinity, -1), within(-1, 0), within(0, 2.5), within(2.5, infinity)];
        assert.deepEqual(valued.finish(fold(valued, events), 0), expected);
      }),
    );
  });

  it('refuses bounds that do not ascend, and what is not a number', () => {
    assert.throws(() => histogramOf([1, 1], () => 0), { code: 'MR_INVARIANT' });
    assert.throws(() => valued.add(valued.empty(), sample({ value: Number.NaN })), { code: 'MR_INVARIANT' });
  });
});

describe('hours and weekdays', () => {
  const hours = standalone(hourHistogram<Sample>());
  const weekdays = standalone(weekdayHistogram<Sample>());

  it('obey the laws', () => {
    assertLaws(hours, samples);
    assertLaws(weekdays, samples);
  });

  it('are those of UTC, before 1970 as well', () => {
    fc.assert(
      fc.property(fc.integer({ min: -4e12, max: 4e12 }), (ts) => {
        const date = new Date(ts);
        assert.equal(hourOfDay(ts), date.getUTCHours());
        assert.equal(weekday(ts), (date.getUTCDay() + 6) % 7);
      }),
    );
  });

  it('are counted from midnight and from Monday on', () => {
    const sundayNight = sample({ ts: Date.UTC(2025, 0, 5, 23, 59) });
    const mondayMorning = sample({ ts: Date.UTC(2025, 0, 6) });
    const counted = hours.finish(fold(hours, [sundayNight, mondayMorning]), 0) as number[];
    assert.deepEqual([counted.length, counted[0], counted[23]], [24, 1, 1]);
    assert.deepEqual(weekdays.finish(fold(weekdays, [sundayNight, mondayMorning]), 0), [1, 0, 0, 0, 0, 0, 1]);
  });
});
