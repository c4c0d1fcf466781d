import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { where } from '../aggregation.ts';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { compareBytes, crowded, type Sample, sample, sampleLists, samples } from '../testing/samples.ts';
import { count, countBy } from './counts.ts';
import { distinct } from './distinct.ts';
import { max, min } from './extremes.ts';
import { newest } from './newest.ts';
import { rate, smoothedRate } from './rate.ts';
import { recentDistinct } from './recent-distinct.ts';
import { mean, sum } from './sums.ts';

describe('sum', () => {
  const total = standalone(sum((event: Sample) => event.amount));

  it('obeys the laws', () => assertLaws(total, samples));

  it('adds up to 2^53 and no further', () => {
    const most = Number.MAX_SAFE_INTEGER;
    const almost = fold(total, [sample({ amount: most - 1 })]);
    assert.equal(total.finish(total.add(almost, sample({ amount: 1 })), 0), most);
    assert.throws(() => total.add(almost, sample({ amount: 2 })), { code: 'MR_INVARIANT' });
    assert.throws(() => total.merge(almost, almost), { code: 'MR_INVARIANT' });
    assert.throws(() => total.add(0, sample({ amount: 0.5 })), { code: 'MR_INVARIANT' });
  });
});

describe('mean', () => {
  const average = standalone(mean((event: Sample) => event.amount / 7));

  it('obeys the laws', () => assertLaws(average, samples));

  it('is the mean to a thousandth, null without values', () => {
    assert.equal(average.finish(average.empty(), 0), null);
    fc.assert(
      fc.property(fc.array(samples, { minLength: 1, maxLength: 100, size: 'max' }), (events) => {
        const exact = events.reduce((total, event) => total + event.amount / 7, 0) / events.length;
        const found = average.finish(fold(average, events), 0) as number;
        assert.ok(Math.abs(found - exact) <= 0.000501, `${found} for ${exact}`);
      }),
    );
  });

  it('refuses a value that is no number', () => {
    assert.throws(() => average.add(average.empty(), sample({ amount: Number.NaN })), {
      code: 'MR_INVARIANT',
    });
  });
});

describe('countBy', () => {
  const counts = standalone(countBy(['b', 'none', 'a'], (event: Sample) => (event.amount > 0 ? 'a' : 'b')));

  it('obeys the laws', () => assertLaws(counts, samples));

  it('counts each label, in an order of bytes that the declaration does not decide', () => {
    const events = [sample({ amount: 1 }), sample({ amount: 0 }), sample({ amount: 2 })];
    assert.deepEqual(counts.finish(fold(counts, events), 0), { a: 2, b: 1, none: 0 });
    assert.deepEqual([...counts.encode(fold(counts, events))], [2, 1, 0]);
  });

  it('refuses a label outside of the list', () => {
    const narrow = countBy(['a'], (event: Sample) => event.item as 'a');
    assert.throws(() => narrow.add(narrow.empty(), sample({ item: 'z' })), { code: 'MR_INVARIANT' });
  });
});

describe('count', () => {
  const events = standalone(count<Sample>());

  it('obeys the laws', () => assertLaws(events, samples));

  it('counts all events', () => {
    assert.equal(events.finish(events.empty(), 0), 0);
    assert.equal(events.finish(fold(events, [sample({}), sample({}), sample({ item: null })]), 0), 3);
  });
});

describe('rate', () => {
  const prior = { rate: 0.2, strength: 10 };
  const positive = standalone(
    rate({
      success: (event: Sample) => event.amount > 500,
      trial: (event: Sample) => event.amount > 0,
      prior,
    }),
  );

  it('obeys the laws', () => assertLaws(positive, samples));

  it('is the share of trials that succeeded, pulled to the prior', () => {
    assert.equal(positive.finish(positive.empty(), 0), 0.2);
    const events = [600, 700, 5, 6, -1].map((amount) => sample({ amount }));
    assert.equal(positive.finish(fold(positive, events), 0), (2 + 2) / (4 + 10));
  });

  it('ends at the observed rate, and never passes 1', () => {
    assert.ok(Math.abs(smoothedRate(5e6, 1e7, prior) - 0.5) < 1e-6);
    assert.equal(smoothedRate(1000, 0, prior), 1002 / 1010);
  });
});

describe('min and max', () => {
  const least = standalone(min((event: Sample) => event.value));
  const most = standalone(max((event: Sample) => event.value));

  it('obey the laws', () => {
    assertLaws(least, samples);
    assertLaws(most, samples);
  });

  it('are the smallest and the largest value to the last bit, null without values', () => {
    fc.assert(
      fc.property(sampleLists, (events) => {
        const values = events.flatMap(({ value }) => (value === null ? [] : [value + 0]));
        const [smallest, largest] = [Math.min(...values), Math.max(...values)];
        assert.equal(least.finish(fold(least, events), 0), values.length === 0 ? null : smallest);
        assert.equal(most.finish(fold(most, events), 0), values.length === 0 ? null : largest);
      }),
    );
  });

  it('refuse a value that is not finite', () => {
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY]) {
      assert.throws(() => most.add(most.empty(), sample({ value })), { code: 'MR_INVARIANT' });
    }
  });
});

describe('distinct', () => {
  const items = standalone(distinct((event: Sample) => event.item));

  it('obeys the laws', () => assertLaws(items, samples));

  it('is the number of different texts', () => {
    fc.assert(
      fc.property(sampleLists, (events) => {
        const expected = new Set(events.flatMap(({ item }) => (item === null ? [] : [item])));
        assert.equal(items.finish(fold(items, events), 0), expected.size);
      }),
    );
  });

  it('refuses bytes with a text twice', () => {
    assert.throws(() => items.decode(items.encode(['a', 'a'])), { code: 'MR_FEATURES_STATE_MALFORMED' });
  });
});

describe('newest', () => {
  const last = standalone(newest<Sample>());

  it('obeys the laws', () => assertLaws(last, samples));

  it('is the greatest timestamp, null without events', () => {
    assert.equal(last.finish(last.empty(), 0), null);
    assert.equal(last.finish(fold(last, [sample({ ts: -5 }), sample({ ts: -9 })]), 0), -5);
  });
});

describe('where', () => {
  const positiveSum = standalone(
    where(
      (event: Sample) => event.amount > 0,
      sum((event: Sample) => event.amount),
    ),
  );

  it('obeys the laws', () => assertLaws(positiveSum, samples));

  it('is blind to events that do not match', () => {
    const events = [3, -5, 4].map((amount) => sample({ amount }));
    assert.equal(positiveSum.finish(fold(positiveSum, events), 0), 7);
  });
});

describe('recentDistinct', () => {
  for (const capacity of [1, 3, 50]) {
    const recent = standalone(recentDistinct(capacity, (event: Sample) => event.item));

    it(`obeys the laws when it keeps ${capacity}`, () => {
      assertLaws(recent, samples);
      assertLaws(recent, crowded);
    });

    it(`gives the ${capacity} newest items by (timestamp, id), each by its newest event`, () => {
      fc.assert(
        fc.property(sampleLists, (events) => {
          assert.deepEqual(recent.finish(fold(recent, events), 0), newestItems(events).slice(0, capacity));
        }),
      );
    });
  }

  it('breaks ties by the bytes of ids, not by their UTF-16 units', () => {
    const one = standalone(recentDistinct(1, (event: Sample) => event.item));
    const events = [sample({ item: '\u{1f600}' }), sample({ item: '\uff5e' })];
    assert.deepEqual(one.finish(fold(one, events), 0), ['\u{1f600}']);
  });

  it('refuses bytes whose items are out of order or too many', () => {
    const three = standalone(recentDistinct(3, (event: Sample) => event.item));
    const two = standalone(recentDistinct(2, (event: Sample) => event.item));
    const bytes = three.encode(
      fold(three, [sample({ item: 'a' }), sample({ item: 'b' }), sample({ ts: 1, item: 'c' })]),
    );
    assert.throws(() => two.decode(bytes), { code: 'MR_FEATURES_STATE_MALFORMED' });
    const swapped = Buffer.from(bytes);
    swapped[bytes.indexOf('a')] = 'b'.charCodeAt(0);
    swapped[bytes.indexOf('b')] = 'a'.charCodeAt(0);
    assert.throws(() => three.decode(swapped), { code: 'MR_FEATURES_STATE_MALFORMED' });
  });
});

function newestItems(events: readonly Sample[]): string[] {
  const newestOf = new Map<string, number>();
  for (const { item, ts } of events) {
    if (item !== null) newestOf.set(item, Math.max(ts, newestOf.get(item) ?? Number.NEGATIVE_INFINITY));
  }
  return [...newestOf]
    .sort(([a, left], [b, right]) => right - left || compareBytes(b, a))
    .map(([item]) => item);
}
