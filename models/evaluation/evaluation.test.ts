import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../random.ts';
import { inBitmap } from '../top-k.ts';
import { bootstrapMean, pairedBootstrap } from './bootstrap.ts';
import { evaluate, rankingMetrics } from './ranking.ts';
import { perUserLastShare } from './split.ts';

test('metrics of a ranking worked out by hand', () => {
  // Hits at places 1 and 3 of 4, three relevant items.
  const metrics = rankingMetrics([7, 1, 9, 2], new Set([7, 9, 50]), 4);
  const ideal = 1 + 1 / Math.log2(3) + 1 / 2;
  assert.deepEqual(metrics, {
    recall: 2 / 3,
    precision: 2 / 4,
    ndcg: (1 + 1 / 2) / ideal,
    hitRate: 1,
    mrr: 1,
    map: (1 + 2 / 3) / 3,
  });
});

test('a perfect ranking has NDCG 1, an empty one zeros', () => {
  assert.deepEqual(rankingMetrics([1, 2, 3], new Set([3, 2, 1, 4]), 3), {
    recall: 3 / 4,
    precision: 1,
    ndcg: 1,
    hitRate: 1,
    mrr: 1,
    map: 1,
  });
  const nothing = { recall: 0, precision: 0, ndcg: 0, hitRate: 0, mrr: 0, map: 0 };
  assert.deepEqual(rankingMetrics([], new Set([1]), 3), nothing);
  assert.deepEqual(rankingMetrics([1], new Set(), 3), nothing);
});

test('places beyond k do not count', () => {
  assert.equal(rankingMetrics([5, 6, 1], new Set([1]), 2).recall, 0);
});

test('an item that is listed twice is found once', () => {
  const twice = rankingMetrics([1, 1, 2], new Set([1, 2]), 3);
  const otherwise = rankingMetrics([1, 9, 2], new Set([1, 2]), 3);
  assert.deepEqual(twice, otherwise);
  assert.equal(rankingMetrics([1, 1, 1], new Set([1, 2]), 3).recall, 0.5);
});

test('evaluate ranks what was not seen, leaves out users with nothing held out, averages over users', () => {
  const heldOut = new Map([
    [3, [1, 2]],
    [1, [0]],
    [2, []],
  ]);
  const seen = new Map([[3, [0]]]);
  const evaluation = evaluate(
    (_user, k, exclude) => [0, 1, 2, 3].filter((item) => !inBitmap(exclude, item)).slice(0, k),
    { items: 4, k: 1, heldOut, seen },
  );
  assert.deepEqual(evaluation.users, Int32Array.of(1, 3));
  assert.deepEqual(evaluation.perUser.recall, Float64Array.of(1, 0.5));
  assert.deepEqual(evaluation.mean, { recall: 0.75, precision: 1, ndcg: 1, hitRate: 1, mrr: 1, map: 1 });
});

type Row = { user: number; item: number; timestamp: number };
const interaction: fc.Arbitrary<Row> = fc.record({
  user: fc.integer({ min: 1, max: 4 }),
  item: fc.nat(9),
  timestamp: fc.nat(5),
});

test('the split holds out the newest of each user, at least one of two, never all', () => {
  fc.assert(
    fc.property(fc.array(interaction), (rows) => {
      const columns = {
        user: Int32Array.from(rows, ({ user }) => user),
        item: Int32Array.from(rows, ({ item }) => item),
        timestamp: Float64Array.from(rows, ({ timestamp }) => timestamp),
      };
      const { train, heldOut } = perUserLastShare(columns, 0.2);
      assert.deepEqual(
        [...train, ...heldOut].sort((a, b) => a - b),
        [...rows.keys()],
      );
      for (const user of new Set(columns.user)) {
        const kept = [...train].filter((i) => columns.user[i] === user).map((i) => rows[i] as Row);
        const out = [...heldOut].filter((i) => columns.user[i] === user).map((i) => rows[i] as Row);
        const count = kept.length + out.length;
        assert.equal(out.length, count === 1 ? 0 : Math.max(1, Math.round(count * 0.2)));
        assert.ok(kept.length >= 1);
        const last = kept.at(-1) as Row;
        for (const { timestamp, item } of out) {
          assert.ok(timestamp > last.timestamp || (timestamp === last.timestamp && item >= last.item));
        }
      }
    }),
  );
});

test('the share that is held out is rounded to the nearest number of interactions', () => {
  for (const [count, expected] of [
    [2, 1],
    [7, 1],
    [8, 2],
    [12, 2],
    [13, 3],
  ] as const) {
    const columns = { user: new Int32Array(count), item: new Int32Array(count) };
    const { heldOut } = perUserLastShare({ ...columns, timestamp: new Float64Array(count) }, 0.2);
    assert.equal(heldOut.length, expected, `of ${count}`);
  }
});

test('bootstrap: every user is drawn, the first and the last too', () => {
  for (const values of [Float64Array.of(0, 1), Float64Array.of(1, 0)]) {
    const { low, high, mean } = bootstrapMean(values, { random: seededRandom(3) });
    assert.deepEqual([low, mean, high], [0, 0.5, 1]);
  }
});

test('bootstrap: the interval of a plain difference excludes zero, that of noise covers it', () => {
  const random = seededRandom(4);
  const noise = Float64Array.from({ length: 300 }, () => random.normal());
  const other = Float64Array.from(noise, (value) => value + random.normal());
  const better = Float64Array.from(noise, (value) => value + 0.5 + 0.1 * random.normal());
  const clear = pairedBootstrap(better, noise, { random });
  assert.ok(clear.low > 0.45 && clear.low < clear.mean && clear.mean < clear.high && clear.high < 0.55);
  const unclear = pairedBootstrap(other, noise, { random });
  assert.ok(unclear.low < 0 && unclear.high > 0);
});

test('bootstrap: its width is that of theory, and equal seeds give equal intervals', () => {
  const random = seededRandom(8);
  const a = Float64Array.from({ length: 400 }, () => random.normal());
  const interval = (seed: number) =>
    pairedBootstrap(a, new Float64Array(400), { random: seededRandom(seed) });
  const { low, high } = interval(1);
  // 2 x 1.96 / sqrt(400) = 0.196
  assert.ok(Math.abs(high - low - 0.196) < 0.03, `width ${high - low}`);
  assert.deepEqual(interval(1), interval(1));
  assert.deepEqual(bootstrapMean(a, { random: seededRandom(1) }), interval(1));
  assert.throws(() => pairedBootstrap(a, a.slice(1), { random }), { code: 'MR_EVALUATION_PAIRS' });
});
