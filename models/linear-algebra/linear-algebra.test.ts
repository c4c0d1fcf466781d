import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { type Random, seededRandom } from '../random.ts';
import { choleskyFactor, choleskyInverse, choleskySolve } from './cholesky.ts';
import { Gram } from './gram.ts';
import { invertPositiveDefinite } from './inverse.ts';
import { RowProducts } from './row-products.ts';

const sizeAndSeed = fc.record({ n: fc.integer({ min: 1, max: 20 }), seed: fc.integer() });

/** A Aᵀ + I of a random A, [n, n]: symmetric, positive definite, eigenvalues from 1 on. */
function positiveDefinite(n: number, random: Random): Float64Array {
  const a = Float64Array.from({ length: n * n }, () => random.normal());
  const product = multiplyByTransposed(a, a, n);
  for (let i = 0; i < n; i++) product[i * n + i] = (product[i * n + i] as number) + 1;
  return product;
}

/** a bᵀ */
function multiplyByTransposed(a: Float64Array, b: Float64Array, n: number): Float64Array {
  return Float64Array.from({ length: n * n }, (_, at) => {
    const [i, j] = [Math.floor(at / n), at % n];
    let sum = 0;
    for (let k = 0; k < n; k++) sum += (a[i * n + k] as number) * (b[j * n + k] as number);
    return sum;
  });
}

const identity = (n: number) => Float64Array.from({ length: n * n }, (_, at) => (at % (n + 1) === 0 ? 1 : 0));

/** NaN above the diagonal: whoever reads it spoils the result. */
function lowerOnly(matrix: Float64Array, n: number): Float64Array {
  return matrix.map((value, at) => (at % n > Math.floor(at / n) ? Number.NaN : value));
}

function assertClose(actual: Float64Array, expected: Float64Array, tolerance: number): void {
  assert.equal(actual.length, expected.length);
  actual.forEach((value, i) => {
    assert.ok(Math.abs(value - (expected[i] as number)) <= tolerance, `${i}: ${value}, not ${expected[i]}`);
  });
}

test('Gram matrices are those of plain sums: any rows, more than once, any stretch of columns', () => {
  const problem = fc
    .record({ dim: fc.integer({ min: 1, max: 21 }), count: fc.integer({ min: 1, max: 9 }) })
    .chain(({ dim, count }) =>
      fc.record({
        dim: fc.constant(dim),
        // Whole numbers, so that sums of floats are exact.
        values: fc.array(fc.integer({ min: -9, max: 9 }), { minLength: dim * count, maxLength: dim * count }),
        rows: fc.array(fc.nat(count - 1), { maxLength: 12 }),
        from: fc.nat(dim - 1),
        width: fc.integer({ min: 1, max: 21 }),
        wider: fc.nat(9),
      }),
    );
  fc.assert(
    fc.property(problem, ({ dim, values, rows, from, width, wider }) => {
      const columns = Math.min(width, dim - from);
      const gram = new Gram(columns + wider);
      const table = { values: Float32Array.from(values), dim };
      // A first call leaves its numbers in the kernel's memory: they must not come into the second.
      gram.addTo(new Float64Array(columns ** 2), table, Int32Array.of(0), from, columns);
      const sums = new Float64Array(columns ** 2).fill(1000);
      gram.addTo(sums, table, Int32Array.from(rows), from, columns);
      const value = (row: number, column: number) => values[row * dim + from + column] as number;
      const expected = Float64Array.from({ length: columns ** 2 }, (_, at) => {
        const [i, j] = [Math.floor(at / columns), at % columns];
        return j > i ? 1000 : rows.reduce((sum, row) => sum + value(row, i) * value(row, j), 1000);
      });
      assert.deepEqual(sums, expected);
    }),
  );
});

test('a Gram matrix of more rows than the kernel holds', () => {
  const table = { values: Float32Array.of(1, 2, 3), dim: 3 };
  const sums = new Float64Array(9);
  new Gram(3).addTo(sums, table, new Int32Array(10_000), 0, 3);
  assert.deepEqual(
    [...sums],
    [1, 0, 0, 2, 4, 0, 3, 6, 9].map((value) => value * 10_000),
  );
});

test('products of a vector with all rows are plain sums, vector after vector', () => {
  const numbers = (length: number) =>
    fc.array(fc.integer({ min: -9, max: 9 }), { minLength: length, maxLength: length });
  const problem = fc
    .record({ dim: fc.integer({ min: 1, max: 19 }), count: fc.nat(9) })
    .chain(({ dim, count }) =>
      fc.record({ dim: fc.constant(dim), rows: numbers(dim * count), a: numbers(dim), b: numbers(dim) }),
    );
  fc.assert(
    fc.property(problem, ({ dim, rows, a, b }) => {
      const products = new RowProducts({ values: Float32Array.from(rows), dim });
      const expected = (vector: number[]) =>
        Float32Array.from({ length: rows.length / dim }, (_, row) =>
          vector.reduce((sum, value, d) => sum + value * (rows[row * dim + d] as number), 0),
        );
      const first = products.with(Float32Array.from(a));
      assert.deepEqual(products.with(Float32Array.from(b)), expected(b));
      assert.deepEqual(first, expected(a));
    }),
  );
});

test('the Cholesky factor times its transpose is the matrix, and solves', () => {
  fc.assert(
    fc.property(sizeAndSeed, ({ n, seed }) => {
      const random = seededRandom(seed);
      const matrix = positiveDefinite(n, random);
      const factor = lowerOnly(matrix, n);
      assert.ok(choleskyFactor(factor, n));
      const lower = factor.map((value) => (Number.isNaN(value) ? 0 : value));
      assertClose(multiplyByTransposed(lower, lower, n), matrix, 1e-11);
      const x = Float64Array.from({ length: n }, () => random.normal());
      const b = x.map((_, i) => x.reduce((sum, value, j) => sum + value * (matrix[i * n + j] as number), 0));
      choleskySolve(factor, n, b);
      assertClose(b, x, 1e-8);
      assertClose(multiplyByTransposed(choleskyInverse(factor, n), matrix, n), identity(n), 1e-8);
    }),
  );
});

for (const n of [1, 2, 63, 64, 65, 131]) {
  test(`the inverse of a matrix of ${n} rows, from its lower triangle`, () => {
    const matrix = positiveDefinite(n, seededRandom(n));
    const inverse = lowerOnly(matrix, n);
    let rows = 0;
    assert.ok(invertPositiveDefinite(inverse, n, (done) => (rows += done)));
    assert.equal(rows, n);
    assertClose(multiplyByTransposed(inverse, matrix, n), identity(n), 1e-9);
  });
}

test('a matrix that is not positive definite is told from one that is', () => {
  assert.equal(choleskyFactor(Float64Array.of(1, 0, 2, 1), 2), false);
  assert.equal(choleskyFactor(Float64Array.of(Number.NaN), 1), false);
  const matrix = positiveDefinite(100, seededRandom(1));
  // Two equal rows and columns make the matrix singular.
  for (let i = 0; i < 100; i++) matrix[99 * 100 + i] = matrix[i * 100 + 99] = matrix[i * 100 + 3] as number;
  matrix[99 * 100 + 99] = (matrix[3 * 100 + 3] as number) - 1e-6;
  assert.equal(invertPositiveDefinite(matrix, 100), false);
});
