import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { POPULARITY_HALF_LIFE_MS, trend } from '#features';
import { RankingsThen } from './rankings-then.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const ITEMS = 30;
const category = Int32Array.from({ length: ITEMS }, (_, item) => (item % 7 === 6 ? -1 : item % 3));
const since = Float64Array.from({ length: ITEMS }, (_, item) => item * 8 * HOUR_MS);

/** The best of some items by a score of theirs, equal ones in the order of their numbers. */
function best(items: readonly number[], scoreOf: (item: number) => number, most: number): number[] {
  // As single-precision numbers tell them apart.
  const score = (item: number) => Math.fround(scoreOf(item));
  return items.toSorted((a, b) => score(b) - score(a) || a - b).slice(0, most);
}

test('lists are those of all that was before, ranked whole, whatever comes later', () => {
  const positive = fc.record({ item: fc.nat(ITEMS - 1), ts: fc.nat(20 * 24).map((hour) => hour * HOUR_MS) });
  fc.assert(
    fc.property(fc.array(positive, { maxLength: 200 }), fc.nat(20 * 24), (unsorted, hour) => {
      const positives = unsorted.toSorted((a, b) => a.ts - b.ts);
      const now = hour * HOUR_MS + 1;
      const before = positives.filter(({ ts }) => ts < now);
      const then = new RankingsThen(
        { since, category },
        Int32Array.from(positives, ({ item }) => item),
        Float64Array.from(positives, ({ ts }) => ts),
      );
      then.moveTo(now, before.length);
      const present = Array.from({ length: ITEMS }, (_, item) => item).filter(
        (item) => (since[item] as number) < now,
      );
      const sum = (item: number, worth: (ageMs: number) => number) =>
        before.reduce((all, each) => all + (each.item === item ? worth(now - each.ts) : 0), 0);
      const popularity = (item: number) => sum(item, (age) => 2 ** (-age / POPULARITY_HALF_LIFE_MS));
      const rise = (item: number) =>
        trend(
          sum(item, (age) => Number(age <= DAY_MS)),
          sum(item, (age) => Number(age <= 7 * DAY_MS)),
        );
      // Sums in another order differ in their last digits: what is compared is how popular the ranks are.
      const ranks = (items: ArrayLike<number>) => Array.from(items, (item) => popularity(item).toFixed(6));
      assert.deepEqual(ranks(then.popular), ranks(best(present, popularity, 15)));
      assert.deepEqual(
        [...Array.from(then.trending)],
        best(
          present.filter((item) => rise(item) > 0),
          rise,
          5,
        ),
      );
      assert.deepEqual([...Array.from(then.newest)], present.toReversed().slice(0, 5));
      for (const item of [0, 1, 6]) {
        const own = present.filter((each) => category[item] !== -1 && category[each] === category[item]);
        assert.deepEqual(ranks(then.ofCategoryOf(item)), ranks(best(own, popularity, 15)));
      }
      assert.equal(then.ofCategoryOf(undefined).length, 0);
    }),
  );
});

test('they are ranked again after an hour in which a tenth as many positives have come as there are items', () => {
  const count = 40;
  const ts = Float64Array.from({ length: count }, (_, nth) => 30 * DAY_MS + nth * 10 * 60_000);
  const then = new RankingsThen({ since, category }, new Int32Array(count).fill(3), ts);
  const first = (at: number) => {
    then.moveTo(ts[at] as number, at);
    return then.popular[0];
  };
  assert.equal(first(0), 0, 'nothing had happened');
  assert.equal(first(5), 0, 'within the hour');
  assert.equal(first(6), 3);
});
