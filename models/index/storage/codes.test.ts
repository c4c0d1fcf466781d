import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { BLOCK_ROWS } from '../kernel/port.ts';
import type { Metric } from '../port.ts';
import { EncodedQuery, encodeRow } from './codes.ts';

const numbers = fc.oneof(
  fc.float({ min: -1, max: 1, noNaN: true }),
  // Multiples of the least float: among these, a share of a number may be less than the distance to the next one.
  fc.integer({ min: -400, max: 400 }).map((times) => times * 2 ** -149),
  fc.float({ min: -(2 ** 55), max: 2 ** 55, noNaN: true }),
);
const vectors = fc.array(numbers, { minLength: 1, maxLength: 9 }).map((values) => Float32Array.from(values));
function encoded(query: Float32Array, metric: Metric, codes: Int16Array): EncodedQuery {
  const encodedQuery = new EncodedQuery(query.length, metric);
  encodedQuery.encode(query, codes, 0);
  return encodedQuery;
}

const norm = (values: readonly number[]): number => Math.hypot(...values);

test('the slack of a row covers what its codes miss, and what those of a query may', () => {
  fc.assert(
    fc.property(vectors, (vector) => {
      const dim = vector.length;
      const codes = new Int8Array(Math.ceil(dim / 2) * 2 * BLOCK_ROWS);
      const row = 2 * 7;
      const { scale, slack } = encodeRow(vector, 'inner-product', codes, row);
      const codeOf = (d: number) => codes[row + (d >> 1) * 2 * BLOCK_ROWS + (d & 1)] as number;
      const missed = norm(Array.from(vector, (value, d) => value - scale * codeOf(d)));
      // A query's numbers are rounded to 32767 steps of the greatest one.
      const ofQuery = (Math.sqrt(dim) / (2 * 32_767)) * norm([...vector]);
      assert.ok(slack >= missed + ofQuery, `${slack} for ${missed} and ${ofQuery}`);
    }),
    { numRuns: 1000 },
  );
});

test('the codes of a query are within half a step of it, and within their range', () => {
  fc.assert(
    fc.property(vectors, (query) => {
      const codes = new Int16Array(query.length + 1);
      const { scale, slack } = encoded(query, 'l2', codes);
      if (Math.max(...query.map(Math.abs)) < 1e-30)
        return assert.deepEqual(codes, new Int16Array(codes.length));
      for (const [d, value] of query.entries()) {
        const code = codes[d] as number;
        assert.ok(Math.abs(code * scale - value) <= 0.501 * scale, `${value} as ${code} times ${scale}`);
        assert.ok(Math.abs(code) <= 32_767);
      }
      assert.ok(slack >= norm([...query]));
    }),
    { numRuns: 1000 },
  );
});

test('no row of a finite score is compared with a threshold that its own score is below', () => {
  fc.assert(
    fc.property(vectors, fc.float({ min: -(2 ** 60), max: 2 ** 60, noNaN: true }), (query, score) => {
      const codes = new Int16Array(query.length + 1);
      assert.ok(encoded(query, 'inner-product', codes).threshold(score) < score);
    }),
  );
});
