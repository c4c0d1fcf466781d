import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seededRandom } from '../random.ts';
import { fitScales, normalised } from './normalisation.ts';
import { sparseEncoder, vocabularyOf } from './sparse-encoding.ts';

const { NaN: missing } = Number;
const rounded = (values: Float32Array) => Array.from(values, (value) => Number(value.toFixed(4)));

test('values are standardised by the rows of training; a missing one is 0 beside its indicator', () => {
  const dense = { width: 2, values: Float32Array.of(1, 7, 3, 7, missing, 7, 100, missing) };
  const scales = fitScales(dense, Int32Array.of(0, 1, 2));
  assert.deepEqual(scales[0], { isLog: false, mean: 2, deviation: 1 });
  assert.deepEqual(rounded(normalised(dense, scales, Int32Array.of(0, 2, 3))), [
    ...[-1, 0, 0, 0, 1],
    ...[0, 0, 1, 0, 1],
    ...[98, 0, 0, 1, 1],
  ]);
});

test('a skewed feature that is never negative is taken by its logarithm, and what is below 0 later as 0', () => {
  const counts = Float32Array.from({ length: 50 }, (_, i) => (i === 0 ? Math.expm1(10) : 0));
  const [scale] = fitScales(
    { width: 1, values: counts },
    Int32Array.from(counts, (_, i) => i),
  );
  assert.ok(scale?.isLog && Math.abs(scale.mean - 0.2) < 1e-6, JSON.stringify(scale));
  const [zero, , , below] = normalised(
    { width: 1, values: Float32Array.of(0, -5) },
    [scale],
    Int32Array.of(0, 1),
  );
  assert.equal(zero, below);
  const negative = counts.map((value, i) => (i === 1 ? -1 : value));
  assert.equal(
    fitScales(
      { width: 1, values: negative },
      Int32Array.from(counts, (_, i) => i),
    )[0]?.isLog,
    false,
  );
});

test('a feature that training never saw, and a constant one, come out as zeros', () => {
  const dense = { width: 2, values: Float32Array.of(missing, 0.1, missing, 0.1, 4, 9) };
  const scales = fitScales(dense, Int32Array.of(0, 1));
  assert.deepEqual(rounded(normalised(dense, scales, Int32Array.of(2, 0))), [
    ...[0, 0, 0, 0, 1],
    ...[0, 0, 1, 0, 1],
  ]);
});

test('a vocabulary knows the categories that enough rows have, and others have no id', () => {
  const rows = [['b', 'a', 'a'], ['b'], [], ['c', 'a']];
  const encoding = vocabularyOf(rows, 2);
  assert.deepEqual(encoding, { kind: 'vocabulary', categories: ['a', 'b'] });
  const { cardinality, offsets, ids } = sparseEncoder(encoding)(rows);
  assert.equal(cardinality, 2);
  assert.deepEqual([...offsets], [0, 3, 4, 4, 5]);
  assert.deepEqual([...ids], [1, 0, 0, 1, 0]);
});

test('hashing spreads categories evenly over the rows, however alike their names', () => {
  const rows = 100;
  const each = 50;
  const names = Array.from({ length: rows * each }, (_, i) => [`item-${i}`]);
  const { cardinality, ids } = sparseEncoder({ kind: 'hashed', rows })(names);
  assert.equal(cardinality, rows);
  const counts = new Int32Array(rows);
  for (const id of ids) counts[id] = (counts[id] as number) + 1;
  for (const count of counts) assert.ok(Math.abs(count - each) < 6 * Math.sqrt(each), `${count}`);
  const [again] = sparseEncoder({ kind: 'hashed', rows })([['item-7']]).ids;
  assert.equal(again, ids[7]);
});

test('a million categories', () => {
  const names = Array.from({ length: 1_000_000 }, (_, i) => [`c${i}`]);
  const encode = sparseEncoder(vocabularyOf(names));
  const random = seededRandom(1);
  const chosen = Array.from({ length: 100 }, () => names[random.integer(names.length)] as string[]);
  assert.equal(new Set(encode(chosen).ids).size, new Set(chosen.flat()).size);
  assert.equal(encode(chosen).cardinality, 1_000_000);
});
