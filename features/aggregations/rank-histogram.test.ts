import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { CanonicalReader, CanonicalWriter } from '../encoding.ts';
import { RankHistogram } from './rank-histogram.ts';

function encode(histogram: RankHistogram): Buffer {
  const writer = new CanonicalWriter();
  histogram.encode(writer);
  return writer.take();
}

function decode(bytes: Buffer): RankHistogram {
  const reader = new CanonicalReader(bytes);
  const histogram = RankHistogram.decode(reader);
  reader.end();
  return histogram;
}

function of(buckets: readonly (number | null)[]): RankHistogram {
  const histogram = RankHistogram.empty();
  for (const bucket of buckets) if (bucket !== null) histogram.add(bucket);
  return histogram;
}

const bucket = fc.integer({ min: -20, max: 20 });
/** For a few items, the buckets that each passes through; null is out of the histogram. */
const journeys = fc.array(fc.array(fc.option(bucket, { nil: null }), { minLength: 1, maxLength: 6 }), {
  maxLength: 12,
});

describe('RankHistogram', () => {
  it('depends on where its items are, not on how they came there', () => {
    fc.assert(
      fc.property(journeys, fc.boolean(), (items, byItem) => {
        const moved = RankHistogram.empty();
        const steps = items.flatMap((stops, item) => stops.map((to, step) => ({ item, step, to })));
        if (!byItem) steps.sort((a, b) => a.step - b.step);
        for (const { item, step, to } of steps) moved.move(items[item]?.[step - 1] ?? null, to);
        const settled = of(items.map((stops) => stops.at(-1) ?? null));
        assert.deepEqual(encode(moved), encode(settled));
        assert.equal(moved.items, settled.items);
      }),
    );
  });

  it('merges to the histogram of the items of both, and changes neither', () => {
    fc.assert(
      fc.property(fc.array(bucket), fc.array(bucket), (left, right) => {
        const [a, b] = [of(left), of(right)];
        const before = [encode(a), encode(b)];
        const merged = a.merge(b);
        assert.deepEqual(encode(merged), encode(of([...left, ...right])));
        assert.deepEqual(encode(b.merge(a)), encode(merged));
        merged.add(0);
        assert.deepEqual([encode(a), encode(b)], before);
      }),
    );
  });

  it('reads back what it wrote, and refuses bytes that are cut or changed', () => {
    const refused = { code: 'MR_FEATURES_STATE_MALFORMED' };
    fc.assert(
      fc.property(fc.array(bucket), fc.nat(), fc.integer({ min: 0, max: 255 }), (buckets, at, byte) => {
        const bytes = encode(of(buckets));
        assert.deepEqual(encode(decode(bytes)), bytes);
        assert.throws(() => decode(bytes.subarray(0, -1)), refused);
        const damaged = Buffer.from(bytes);
        damaged[at % bytes.length] = byte;
        try {
          assert.deepEqual(encode(decode(damaged)), damaged);
        } catch (error) {
          assert.equal((error as { code?: string }).code, refused.code, String(error));
        }
      }),
    );
  });

  it('ranks by the items below and half of those beside', () => {
    fc.assert(
      fc.property(fc.array(bucket, { minLength: 1 }), bucket, (buckets, asked) => {
        const below = buckets.filter((other) => other < asked).length;
        const beside = buckets.filter((other) => other === asked).length;
        const found = of(buckets).percentile(asked) as number;
        assert.ok(Math.abs(found - (below + beside / 2) / buckets.length) < 1e-12);
      }),
    );
    assert.equal(RankHistogram.empty().percentile(0), null);
  });

  it('recomputes ranks after every change', () => {
    const histogram = of([1, 2]);
    assert.equal(histogram.percentile(2), 0.75);
    histogram.move(2, 1);
    assert.equal(histogram.percentile(2), 1);
    histogram.remove(1, 2);
    assert.equal(histogram.percentile(2), null);
  });

  it('refuses to take out what is not there', () => {
    assert.throws(() => of([1]).remove(2), { code: 'MR_INVARIANT' });
    assert.throws(() => of([1]).remove(1, 2), { code: 'MR_INVARIANT' });
    assert.throws(() => of([]).add(0.5), { code: 'MR_INVARIANT' });
  });
});
