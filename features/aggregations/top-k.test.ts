import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { assertLaws, fold, standalone } from '../testing/laws.ts';
import { compareBytes, type Sample, sample, sampleLists, samples } from '../testing/samples.ts';
import { type TopCounts, topK } from './top-k.ts';

const tags = (event: Sample) => event.tags;
const weighed = standalone(topK(3, tags, (event) => event.amount));
const counted = standalone(topK(3, tags));
const read = (subject: typeof counted, events: readonly Sample[]) =>
  subject.finish(fold(subject, events), 0) as TopCounts;

function countsOf(events: readonly Sample[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const { tags: keys, amount } of events) {
    for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + amount);
  }
  return counts;
}

describe('topK', () => {
  it('obeys the laws', () => {
    assertLaws(counted, samples);
    assertLaws(weighed, samples);
  });

  it('gives the three keys that weigh most, ties by their bytes, and the weight of every key', () => {
    fc.assert(
      fc.property(sampleLists, (events) => {
        const counts = countsOf(events);
        const top = [...counts]
          .filter(([, count]) => count !== 0)
          .sort(([a, left], [b, right]) => right - left || compareBytes(a, b))
          .map(([key, count]) => ({ key, count }));
        const found = read(weighed, events);
        assert.deepEqual(found.top, top.slice(0, 3));
        for (const [key, count] of counts) assert.equal(found.count(key), count);
        assert.equal(found.count('never seen'), 0);
      }),
    );
  });

  it('counts a key for each time an event names it', () => {
    const events = [sample({ tags: ['b', 'a', 'b'] }), sample({ tags: ['c'] })];
    assert.deepEqual(read(counted, events).top, [
      { key: 'b', count: 2 },
      { key: 'a', count: 1 },
      { key: 'c', count: 1 },
    ]);
  });

  it('holds no key whose weights add up to nothing', () => {
    const events = [sample({ tags: ['a'], amount: 2 }), sample({ tags: ['a'], amount: -2 })];
    assert.deepEqual(fold(weighed, events), weighed.empty());
  });

  it('refuses bytes with keys out of order or without a count', () => {
    for (const wrong of [
      { keys: ['b', 'a'], counts: [1, 1] },
      { keys: ['a'], counts: [0] },
    ]) {
      assert.throws(() => counted.decode(counted.encode(wrong)), { code: 'MR_FEATURES_STATE_MALFORMED' });
    }
  });
});
