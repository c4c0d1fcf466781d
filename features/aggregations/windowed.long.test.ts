import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { where } from '../aggregation.ts';
import { EPOCH_MS } from '../testing/interactions.ts';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { type Sample, sample, samples } from '../testing/samples.ts';
import { count, countBy } from './counts.ts';
import { recentList } from './recent-list.ts';
import { sum } from './sums.ts';
import { type TopCounts, topK } from './top-k.ts';
import { windowed } from './windowed.ts';
import { granularityMs, type TimeWindow, type Window, windowMs } from './windows.ts';

/** The time from which on a window holds events at time `now`, ms. */
function windowStart(window: TimeWindow, now: number): number {
  const step = granularityMs(window);
  return Math.floor((now - windowMs(window)) / step) * step;
}

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const USUAL = ['1h', '24h', '7d', '30d', 'all'] as const;

/** Around every boundary: of steps, of windows, of tiers. */
const boundaries = fc
  .tuple(
    fc.constantFrom(5 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS),
    fc.integer({ min: 0, max: 45 }),
    fc.integer({ min: -1, max: 1 }),
  )
  .map(([step, steps, off]) => EPOCH_MS + step * steps + off);
const spread = fc.integer({ min: 0, max: 50 * DAY_MS }).map((ms) => EPOCH_MS + ms);
const timed: fc.Arbitrary<Sample> = fc
  .tuple(samples, fc.oneof(boundaries, spread))
  .map(([event, ts]) => ({ ...event, ts }));

/** The events of a window by its definition alone. */
function eventsWithin(events: readonly Sample[], window: Window, now: number): Sample[] {
  const reading = Math.max(now, ...events.map(({ ts }) => ts));
  return events.filter(({ ts }) => window === 'all' || ts >= windowStart(window, reading));
}

describe('windowed', () => {
  const total = (event: Sample) => event.amount;

  it('obeys the laws over sums, counts by label, lists and top keys', () => {
    const label = (event: Sample) => (event.amount > 0 ? 'a' : 'b');
    assertLaws(standalone(windowed(sum(total), USUAL)), timed);
    assertLaws(standalone(windowed(sum(total), USUAL)), samples);
    assertLaws(standalone(windowed(countBy(['a', 'b'], label), ['24h', '1h'])), timed);
    assertLaws(
      standalone(
        windowed(
          recentList(3, (event: Sample) => event.item),
          ['7d'],
        ),
      ),
      timed,
      { runs: 100 },
    );
    assertLaws(
      standalone(
        windowed(
          topK(2, (event: Sample) => event.tags),
          USUAL,
        ),
      ),
      timed,
      { runs: 100 },
    );
    assertLaws(
      standalone(
        windowed(
          where((event: Sample) => event.amount > 0, sum(total)),
          USUAL,
        ),
      ),
      timed,
    );
  });

  const choices: Window[][] = [
    [...USUAL],
    ['30d', '1h'],
    ['7d', 'all'],
    ['71min', '12h', '25h', '91h'],
    ['12s'],
  ];
  for (const windows of choices) {
    it(`gives for each of ${windows} what the events within it add up to`, () => {
      const aggregation = windowed(sum(total), windows);
      const subject = standalone(aggregation);
      const lists = fc.array(timed, { minLength: 1, maxLength: 100, size: 'max' });
      const laters = fc.oneof(
        fc.constant(0),
        fc.integer({ min: -DAY_MS, max: 40 * DAY_MS }),
        fc.integer({ min: 0, max: 20 }).map((steps) => steps * 5 * MINUTE_MS),
      );
      fc.assert(
        fc.property(lists, laters, (events, laterMs) => {
          const now = Math.max(...events.map(({ ts }) => ts)) + laterMs;
          const found = aggregation.finish(fold(subject, events), now);
          for (const window of windows) {
            const expected = eventsWithin(events, window, now).reduce(
              (sumOf, { amount }) => sumOf + amount,
              0,
            );
            assert.equal(found[window], expected, window);
          }
        }),
        { numRuns: 300 },
      );
    });
  }

  it('reads other aggregations by merging their buckets', () => {
    const tags = windowed(
      topK(2, (event: Sample) => event.tags),
      ['1h', 'all'],
    );
    const events = [
      sample({ ts: EPOCH_MS, tags: ['a', 'b'] }),
      sample({ ts: EPOCH_MS + 2 * HOUR_MS, tags: ['b'] }),
      sample({ ts: EPOCH_MS + 2 * HOUR_MS + 10 * MINUTE_MS, tags: ['b', 'c'] }),
    ];
    const found = tags.finish(fold(standalone(tags), events), EPOCH_MS + 2 * HOUR_MS + 15 * MINUTE_MS);
    const texts = (counts: TopCounts) => counts.top.map(({ key, count: n }) => `${key}${n}`);
    assert.deepEqual(
      [texts(found['1h']), texts(found.all)],
      [
        ['b2', 'c1'],
        ['b3', 'a1'],
      ],
    );
  });

  it('has nothing in any window without events', () => {
    const counts = windowed(count<Sample>(), USUAL);
    assert.deepEqual(counts.finish(counts.empty(), EPOCH_MS), {
      '1h': 0,
      '24h': 0,
      '7d': 0,
      '30d': 0,
      all: 0,
    });
  });

  it('keeps a bounded number of buckets, and every event of them all', () => {
    const subject = standalone(windowed(count<Sample>(), USUAL));
    const state = fold(
      subject,
      Array.from({ length: 15_000 }, (_, index) => sample({ ts: EPOCH_MS + index * 5 * MINUTE_MS })),
    );
    assert.ok(state.starts.length < 120, `${state.starts.length} buckets`);
    assert.equal(
      state.states.reduce((sumOf, n) => sumOf + n, state.rest ?? 0),
      15_000,
    );
  });

  it('refuses bytes with buckets that do not exist, and a rest that cannot be', () => {
    const subject = standalone(windowed(count<Sample>(), ['1h', '24h']));
    const withRest = standalone(windowed(count<Sample>(), ['1h', 'all']));
    const malformed = { code: 'MR_FEATURES_STATE_MALFORMED' };
    for (const wrong of [
      { starts: [-5, 100], states: [1, 1], rest: null },
      { starts: [0, 1000], states: [1, 1], rest: null },
      { starts: [7, 7], states: [1, 1], rest: null },
      { starts: [7], states: [1], rest: 1 },
    ]) {
      assert.throws(() => subject.decode(subject.encode(wrong)), malformed);
    }
    const restAlone = withRest.encode({ starts: [], states: [], rest: 1 });
    assert.throws(() => withRest.decode(restAlone), malformed);
  });

  it('refuses a window named twice, and no window of time at all', () => {
    assert.throws(() => windowed(count<Sample>(), ['1h', '1h']), { code: 'MR_INVARIANT' });
    assert.throws(() => windowed(count<Sample>(), ['all']), { code: 'MR_INVARIANT' });
  });
});
