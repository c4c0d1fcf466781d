import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { NegativeSampler } from './negatives.ts';

test('a negative is never an item that the user has had, and every other item comes up equally often', () => {
  const items = 12;
  const lists = fc.array(fc.array(fc.integer({ min: 0, max: items - 1 }), { maxLength: 15 }), {
    minLength: 1,
    maxLength: 4,
  });
  fc.assert(
    fc.property(lists, fc.integer(), (had, seed) => {
      fc.pre(had.some((list) => list.length > 0 && new Set(list).size < items));
      const train = {
        user: Int32Array.from(had.flatMap((list, user) => list.map(() => user))),
        item: Int32Array.from(had.flat()),
      };
      const sampler = new NegativeSampler({ users: had.length, items, train });
      const random = seededRandom(seed);
      had.forEach((list, user) => {
        const own = new Set(list);
        assert.deepEqual(
          [...sampler.hadBy(user)],
          [...own].sort((a, b) => a - b),
        );
        assert.equal(sampler.missing(user), items - own.size);
        if (own.size === items) return;
        const drawn = new Map<number, number>();
        const draws = 300 * sampler.missing(user);
        for (let i = 0; i < draws; i++) {
          const item = sampler.draw(user, random);
          drawn.set(item, (drawn.get(item) ?? 0) + 1);
        }
        assert.ok([...drawn.keys()].every((item) => item >= 0 && item < items && !own.has(item)));
        assert.equal(drawn.size, sampler.missing(user));
        // Six deviations of a count whose mean is 300.
        for (const count of drawn.values()) assert.ok(Math.abs(count - 300) < 6 * Math.sqrt(300), `${count}`);
      });
    }),
    { numRuns: 30 },
  );
});

test('what a list shows beside a taken item is drawn for it, and other items where it shows none', () => {
  const [users, items] = [2, 6];
  // User 0 has had items 0 and 1, user 1 all of them.
  const train = {
    user: Int32Array.of(0, 0, 1, 1, 1, 1, 1, 1),
    item: Int32Array.of(0, 1, 0, 1, 2, 3, 4, 5),
  };
  const left = { offsets: Int32Array.of(0, 2, 2, 3, 3, 3, 3, 3, 3), ids: Int32Array.of(4, 5, 2) };
  const sampler = new NegativeSampler({ users, items, train, left });
  const random = seededRandom(1);
  const drawn = (pair: number) =>
    [...new Set(Array.from({ length: 200 }, () => sampler.drawFor(pair, random)))].sort();
  assert.deepEqual(drawn(0), [4, 5]);
  assert.deepEqual(drawn(1), [2, 3, 4, 5]);
  assert.deepEqual(drawn(2), [2], 'it was left, whatever became of it elsewhere');
  assert.deepEqual(drawn(3), [undefined]);

  const greedy = { user: train.user.subarray(2), item: train.item.subarray(2) };
  const none = { offsets: new Int32Array(7), ids: new Int32Array() };
  assert.throws(() => new NegativeSampler({ users, items, train: greedy, left: none }), {
    code: 'MR_MODEL_DATA',
  });
  const one = { offsets: Int32Array.of(0, 0, 0, 0, 0, 0, 1), ids: Int32Array.of(3) };
  assert.equal(new NegativeSampler({ users, items, train: greedy, left: one }).drawFor(5, random), 3);
});
