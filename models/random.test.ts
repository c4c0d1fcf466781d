import assert from 'node:assert/strict';
import test from 'node:test';
import { type Random, seededRandom } from './random.ts';

const draw = (random: Random, count: number) => Array.from({ length: count }, () => random.uniform());

test('equal seeds give equal streams, neighbouring seeds unrelated ones', () => {
  assert.deepEqual(draw(seededRandom(5), 100), draw(seededRandom(5), 100));
  const [a, b] = [draw(seededRandom(0), 2000), draw(seededRandom(1), 2000)];
  const covariance = a.reduce((sum, x, i) => sum + (x - 0.5) * ((b[i] as number) - 0.5), 0) / a.length;
  // The correlation of independent streams of this length has a deviation of 0.022.
  assert.ok(Math.abs(covariance * 12) < 0.09, `correlation ${covariance * 12}`);
});

test('moments: uniform, integer, normal', () => {
  const random = seededRandom(9);
  const count = 20_000;
  const mean = (next: () => number) => Array.from({ length: count }, next).reduce((a, b) => a + b, 0) / count;
  assert.ok(Math.abs(mean(() => random.uniform()) - 0.5) < 0.01);
  assert.ok(Math.abs(mean(() => random.integer(7)) - 3) < 0.07);
  assert.ok(Math.abs(mean(() => random.normal())) < 0.04);
  assert.ok(Math.abs(mean(() => random.normal() ** 2) - 1) < 0.06);
});

test('shuffle keeps the values and reaches every order', () => {
  const random = seededRandom(2);
  const orders = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const values = Int32Array.of(1, 2, 3);
    random.shuffle(values);
    assert.deepEqual([...values].sort(), [1, 2, 3]);
    orders.add(values.join());
  }
  assert.equal(orders.size, 6);
});

test('a restored state goes on with the same numbers', () => {
  const random = seededRandom(4);
  draw(random, 10);
  const state = random.save();
  const expected = draw(random, 5);
  random.restore(state);
  assert.deepEqual(draw(random, 5), expected);
});
