import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Deadline, systemClock } from '#platform';
import { bitOf, Candidate } from '../candidates/candidate.ts';
import { ItemPolicy } from '../filters/item-policy.ts';
import { RequestFilter } from '../filters/request-filter.ts';
import { recommendingDefaults } from '../options.ts';
import type { RecommendRequest } from '../request.ts';
import { itemIdOf, itemNumber } from '../view-store/item-numbers.ts';
import type { ItemFacts } from '../view-store/port.ts';
import { exploration } from './exploration.ts';
import type { ItemVectors, OrderContext } from './port.ts';
import { orderSteps } from './steps.ts';

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

/** Items named by their category and a number: a1, a2, b1. Unavailable: x items. */
const facts: ItemFacts = {
  classOf: (item) => {
    const [category = ''] = itemIdOf(item);
    return { id: 0, available: category !== 'x', ageLimit: 0, countries: [], language: null, category };
  },
  // The number is the age in days.
  createdOf: (item) => NOW - Number(itemIdOf(item).slice(1)) * DAY_MS,
};

function contextOf(k: number, changes: Partial<OrderContext> = {}, requestId = 'r'): OrderContext {
  const none = { consumed: [], current: null, deny: [], allow: null };
  const request: RecommendRequest = {
    requestId,
    userId: 'u',
    profile: null,
    recentItems: [],
    recentNumbers: new Int32Array(),
    favouriteCategories: [],
    context: { device: null, country: null, language: null },
    moment: { hour: 0, weekday: 0, device: null, country: null, language: null, session_position: 0 },
    category: null,
    k,
    now: NOW,
    filter: new RequestFilter({ ...none, policy: ItemPolicy.open, facts }),
    deadline: Deadline.after(systemClock, Number.POSITIVE_INFINITY),
  };
  return { request, facts, vectors: undefined, ...changes };
}

function list(...entries: readonly (readonly [id: string, score: number | null])[]): Candidate[] {
  return entries.map(([itemId, score]) => {
    const candidate = new Candidate(itemNumber(itemId), bitOf('index'), 0);
    candidate.score = score ?? Number.NaN;
    return candidate;
  });
}

function vectorsOf(dim: number, vectorOf: (itemId: string) => Float32Array | undefined): ItemVectors {
  return {
    dim,
    copy: (item, into, at) => {
      const vector = vectorOf(itemIdOf(item));
      if (vector !== undefined) into.set(vector, at);
      return vector !== undefined;
    },
  };
}

const run = (options: object, placed: readonly Candidate[], context: OrderContext) =>
  orderSteps({ ...recommendingDefaults(), ...options }).reduce((all, step) => step(all, context), placed);
const ids = (placed: readonly Candidate[]) => placed.map(({ itemId }) => itemId).join(' ');

const five = list(['a1', 5], ['a2', 4.9], ['a3', 4.8], ['b1', 3], ['c1', 1]);

/** Maximal marginal relevance as it is defined, over the items that diversity looks at. */
function plainMmr(
  all: readonly Candidate[],
  vectors: ReadonlyMap<string, Float32Array>,
  { weight, k }: { readonly weight: number; readonly k: number },
): string {
  const scores = all.map(({ score }) => score as number);
  const [low, high] = [Math.min(...scores), Math.max(...scores)];
  const unit = ({ itemId }: Candidate) => {
    const own = vectors.get(itemId) as Float32Array;
    const length = Math.sqrt(own.reduce((sum, value) => sum + value * value, 0));
    return length === 0 ? undefined : own.map((value) => value / length);
  };
  const alike = (a: Candidate, b: Candidate) => {
    const [x, y] = [unit(a), unit(b)];
    // All have one category.
    if (x === undefined || y === undefined) return 1;
    return Math.max(
      0,
      x.reduce((sum, value, i) => sum + value * (y[i] as number), 0),
    );
  };
  const left = all.slice(0, 5 * k);
  const chosen: Candidate[] = [];
  while (chosen.length < k && left.length > 0) {
    const values = left.map((each) => {
      const relevance = high > low ? ((each.score as number) - low) / (high - low) : 1;
      return (1 - weight) * relevance - weight * Math.max(0, ...chosen.map((other) => alike(other, each)));
    });
    chosen.push(...left.splice(values.indexOf(Math.max(...values)), 1));
  }
  return ids([...chosen, ...left, ...all.slice(5 * k)]);
}

describe('the order of an answer', () => {
  it('has no step where nothing is configured', () => {
    assert.equal(orderSteps(recommendingDefaults()).length, 0);
  });

  it('diversity: takes by relevance less similarity, by category where there are no vectors', () => {
    assert.equal(ids(run({ diversity: 0.4 }, five, contextOf(3))), 'a1 b1 a2 a3 c1');
    assert.equal(ids(run({ diversity: 1 }, five, contextOf(3))), 'a1 b1 c1 a2 a3');
    // Relevances are 1, .975, .95, .5, 0: at a weight of .1 the near copies stay first.
    assert.equal(ids(run({ diversity: 0.1 }, five, contextOf(3))), 'a1 a2 a3 b1 c1');
  });

  it('diversity: by the cosine of vectors, whatever their length; items that point apart are only unlike', () => {
    const vectors: Record<string, Float32Array> = {
      a1: Float32Array.of(1, 0),
      a2: Float32Array.of(0, 9),
      a3: Float32Array.of(5, 0),
      b1: Float32Array.of(-7, 0),
    };
    const context = contextOf(3, { vectors: vectorsOf(2, (id) => vectors[id]) });
    const four = list(['a1', 4], ['a3', 4], ['a2', 3], ['b1', 3]);
    assert.equal(ids(run({ diversity: 0.6 }, four, context)), 'a1 a2 b1 a3');
  });

  it('diversity: takes what comparing each item with all that is placed would take', () => {
    const vector = fc.array(fc.integer({ min: -3, max: 3 }), { minLength: 3, maxLength: 3 });
    const entries = fc.array(fc.record({ score: fc.integer({ min: 0, max: 9 }), vector }), {
      minLength: 1,
      maxLength: 40,
    });
    fc.assert(
      fc.property(
        entries,
        fc.constantFrom(0.1, 0.3, 0.8, 1),
        fc.integer({ min: 1, max: 12 }),
        (all, weight, k) => {
          const named = all.map(({ score }, i) => [`a${i}`, score] as const);
          const vectors = new Map(all.map((entry, i) => [`a${i}`, Float32Array.from(entry.vector)]));
          const placed = list(...named.toSorted((a, b) => b[1] - a[1]));
          const context = contextOf(k, { vectors: vectorsOf(3, (id) => vectors.get(id)) });
          assert.equal(
            ids(run({ diversity: weight }, placed, context)),
            plainMmr(placed, vectors, { weight, k }),
          );
        },
      ),
    );
  });

  it('diversity: an item without a score stays behind those with one', () => {
    const tailed = [...list(['a1', 2], ['a2', 1]), ...list(['b1', null])];
    assert.equal(ids(run({ diversity: 1 }, tailed, contextOf(2))), 'a1 a2 b1');
  });

  it('category cap: what is beyond comes after all others, in its order', () => {
    assert.equal(ids(run({ perCategory: 1 }, five, contextOf(4))), 'a1 b1 c1 a2 a3');
    assert.equal(ids(run({ perCategory: 2 }, five, contextOf(4))), 'a1 a2 b1 c1 a3');
    assert.equal(ids(run({ perCategory: 3 }, five, contextOf(4))), ids(five));
  });

  it('freshness: lifts by a part of the range, halved by the half-life, and changes no score', () => {
    const old = list(['a900', 10], ['b0', 0], ['c7', 4]);
    const fresh = run({ freshnessBoost: 1, freshnessHalfLifeDays: 7 }, old, contextOf(3));
    // 1 + 0, 0 + 1, .4 + .5; equal ones keep their order.
    assert.equal(ids(fresh), 'a900 b0 c7');
    assert.deepEqual(
      fresh.map(({ score }) => score),
      [10, 0, 4],
    );
    assert.equal(
      ids(run({ freshnessBoost: 0.7, freshnessHalfLifeDays: 7 }, old, contextOf(3))),
      'a900 c7 b0',
    );
    // One from the future is as new as can be.
    const ahead = run({ freshnessBoost: 1 }, list(['a1', 1], ['b-30', 0.95]), contextOf(2));
    assert.equal(ids(ahead), 'a1 b-30');
  });

  it('promotion: at their positions, marked, once, and not where a filter refuses them', () => {
    itemNumber('z1');
    const promoted = [
      { item: 'b1', position: 1 },
      { item: 'x1', position: 2 },
      { item: 'z1', position: 3 },
      { item: 'c1', position: 9 },
    ];
    const placed = run({ promoted }, five, contextOf(3));
    assert.equal(ids(placed), 'b1 a1 z1 a2 a3 c1');
    assert.deepEqual(
      placed.map(({ isPromoted }) => isPromoted),
      [true, false, true, false, false, false],
    );
  });

  it('exploration: the last place is drawn as often as its propensity says, and the request decides alone', () => {
    const rate = 0.4;
    const step = exploration(rate);
    const shown = new Map<string, { count: number; propensity: number }>();
    const runs = 20_000;
    for (let i = 0; i < runs; i++) {
      const context = contextOf(2, {}, `request-${i}`);
      const [first, last] = step(five, context);
      assert.equal(first?.itemId, 'a1');
      assert.ok(last);
      const seen = shown.get(last.itemId) ?? { count: 0, propensity: last.propensity };
      assert.equal(last.propensity, seen.propensity);
      shown.set(last.itemId, { ...seen, count: seen.count + 1 });
    }
    assert.deepEqual([...shown.keys()].sort(), ['a2', 'a3', 'b1', 'c1']);
    let sum = 0;
    for (const { count, propensity } of shown.values()) {
      sum += propensity;
      const deviation = Math.sqrt(runs * propensity * (1 - propensity));
      assert.ok(Math.abs(count - runs * propensity) < 5 * deviation, `${count} of ${runs} at ${propensity}`);
    }
    assert.ok(Math.abs(sum - 1) < 1e-12);
    assert.deepEqual(step(five, contextOf(2, {}, 'same')), step(five, contextOf(2, {}, 'same')));
    assert.equal(ids(step(five.slice(0, 2), contextOf(2))), 'a1 a2');
  });

  it('loses, doubles and rescores nothing, whatever is configured', () => {
    const entries = fc.uniqueArray(fc.tuple(fc.constantFrom(...'abcx'), fc.nat(30)), {
      selector: ([category, n]) => `${category}${n}`,
      maxLength: 40,
      size: 'max',
    });
    const options = fc.record({
      diversity: fc.double({ min: 0, max: 1, noNaN: true }),
      perCategory: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
      freshnessBoost: fc.double({ min: 0, max: 1, noNaN: true }),
      explore: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(
        entries,
        options,
        fc.integer({ min: 1, max: 50 }),
        fc.nat(40),
        (named, chosen, k, scored) => {
          const placed = named.flatMap(([category, n], i) =>
            list([`${category}${n}`, i < scored ? 100 - i : null]),
          );
          const after = run(chosen, placed, contextOf(k));
          const key = ({ itemId, score }: Candidate) => `${itemId} ${score}`;
          assert.deepEqual(after.map(key).sort(), placed.map(key).sort());
        },
      ),
    );
  });
});
