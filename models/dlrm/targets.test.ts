import assert from 'node:assert/strict';
import { test } from 'node:test';
import { datasetOf, rowsOf } from '../ranking/testing/shown-lists.ts';
import { dlrmDefaults } from './config.ts';
import { fitEncoding, ListEncoder } from './list-encoding.ts';
import { Targets } from './targets.ts';

const examples = {
  user: Int32Array.of(0, 0, 0, 0),
  item: Int32Array.of(0, 1, 2, 3),
  weight: Float32Array.of(1, 3, 2, 2),
  clicked: Uint8Array.of(1, 1, 0, 1),
  converted: Uint8Array.of(1, 0, 0, 1),
  revenue: Float32Array.of(10, 0, 0, 30),
};
const all = Int32Array.of(0, 1, 2, 3);
const config = { ...dlrmDefaults, conversionWeight: 0.5, revenueWeight: 0.25 };
const fed = (targets: Targets, name: string, filled = 4) =>
  Array.from((targets.feeds(all, filled)[name]?.data ?? []) as Float32Array);

test('examples weigh what they are given, head by head, and those that fill up a step nothing', () => {
  const targets = new Targets(examples, config, 4);
  const near = (name: string, expected: readonly number[], filled?: number) =>
    fed(targets, name, filled).forEach((weight, i) => {
      assert.ok(Math.abs(weight - (expected[i] as number)) < 1e-6, `${name} ${i}: ${weight}`);
    });
  near('click weight', [1 / 8, 3 / 8, 2 / 8, 2 / 8]);
  near('conversion weight', [0.5 / 6, 1.5 / 6, 0, 1 / 6]);
  near('revenue weight', [0.25 / 3, 0, 0, 0.5 / 3]);
  near('click weight', [1 / 8, 3 / 8, 0, 0], 2);
  near('revenue weight', [0.25 / 3, 0, 0, 0], 3);
});

test('amounts are learned as logarithms, or as shares of their mean; what was not sold has none', () => {
  const squared = new Targets(examples, { ...config, revenueLoss: 'squared' }, 4);
  const mean = (10 + 2 * 30) / 3;
  assert.deepEqual(squared.revenueScale, { isLog: false, mean, scale: mean });
  assert.deepEqual(
    fed(squared, 'revenue target'),
    [(10 - mean) / mean, 0, 0, (30 - mean) / mean].map(Math.fround),
  );
  const { isLog, mean: ofLogs, scale } = new Targets(examples, config, 4).revenueScale;
  assert.deepEqual([isLog, scale], [true, 1]);
  assert.ok(Math.abs(ofLogs - (Math.log(10) + 2 * Math.log(30)) / 3) < 1e-12);
});

test('of a history the newest items are read, as many as the version says', () => {
  const row = { values: [0], grade: 1, item: 0 };
  const { train, subjects } = datasetOf(
    rowsOf([{ name: 'f' }], [{ user: 0, history: [4, 3, 2, 1], rows: [row] }], 5),
  );
  const encoding = fitEncoding(train, subjects, { minRows: 1, hashRows: 0, historyLength: 2 });
  const asking = { user: 'u0', recentItems: ['i4', 'i3', 'i2'], profile: null, context: null };
  const { users } = new ListEncoder(encoding).encode({
    asking,
    items: ['i0'],
    columns: [new Float64Array(1)],
  });
  assert.deepEqual(users[0]?.sparse[1], ['i4', 'i3']);
});
