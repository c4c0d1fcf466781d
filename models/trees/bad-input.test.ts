import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { seededRandom } from '../random.ts';
import { fitTrees } from './fit.ts';
import { losses } from './losses/losses.ts';
import type { LossName, TreeOptions } from './parameters.ts';
import { randomRows, scoresOf } from './testing/random-rows.ts';
import type { TrainingRows } from './training-rows.ts';

const rows: TrainingRows = {
  columns: [{ name: 'price' }, { name: 'genre', categories: ['drama', 'comedy'] }],
  rows: 4,
  values: Float32Array.of(1, 0, 2, 1, 3, 0, 4, Number.NaN),
  labels: Float32Array.of(0, 1, 0, 1),
  groups: Int32Array.of(0, 2, 4),
};
const withValue = (index: number, value: number) => rows.values.with(index, value);

suite('rows that trees refuse', () => {
  const refused: readonly (readonly [
    name: string,
    rows: Partial<TrainingRows>,
    loss: TreeOptions['loss'],
    message: RegExp,
  ])[] = [
    [
      'no rows',
      { rows: 0, values: new Float32Array(), labels: new Float32Array() },
      'squared',
      /0 rows of 2 columns/,
    ],
    ['no columns', { columns: [], values: new Float32Array() }, 'squared', /4 rows of 0 columns/],
    ['too few values', { values: rows.values.subarray(1) }, 'squared', /values holds 7 numbers, not 8/],
    ['too few labels', { labels: rows.labels.subarray(1) }, 'squared', /labels holds 3 numbers, not 4/],
    ['too many weights', { weights: new Float32Array(5) }, 'squared', /weights holds 5 numbers, not 4/],
    ['a negative weight', { weights: Float32Array.of(1, -1, 1, 1) }, 'squared', /the weight of row 1 is -1/],
    [
      'an infinite weight',
      { weights: Float32Array.of(1, 1, 1, Infinity) },
      'squared',
      /the weight of row 3 is Infinity/,
    ],
    ['no weight above 0', { weights: new Float32Array(4) }, 'squared', /all weights are 0/],
    ['an infinite value', { values: withValue(2, Infinity) }, 'squared', /column price is Infinity in row 1/],
    [
      'a negative infinite value',
      { values: withValue(2, -Infinity) },
      'squared',
      /column price is -Infinity in row 1/,
    ],
    ['a category beyond the last', { values: withValue(1, 2) }, 'squared', /column genre is 2 in row 0/],
    ['a negative category', { values: withValue(1, -1) }, 'squared', /column genre is -1 in row 0/],
    ['half a category', { values: withValue(1, 0.5) }, 'squared', /column genre is 0.5 in row 0/],
    [
      'an infinite category',
      { values: withValue(1, Infinity) },
      'squared',
      /column genre is Infinity in row 0/,
    ],
    [
      'a name twice',
      { columns: [{ name: 'price' }, { name: 'price' }] },
      'squared',
      /two columns are named price/,
    ],
    [
      'a label that is not a number',
      { labels: rows.labels.with(2, Number.NaN) },
      'squared',
      /the label of row 2 is NaN/,
    ],
    [
      'an infinite label',
      { labels: rows.labels.with(2, Infinity) },
      'squared',
      /the label of row 2 is Infinity/,
    ],
    ['a class beyond 1', { labels: rows.labels.with(2, 2) }, 'logistic', /the label of row 2 is 2/],
    ['a chance for a class', { labels: rows.labels.with(2, 0.5) }, 'logistic', /the label of row 2 is 0.5/],
    ['one class only', { labels: new Float32Array(4) }, 'logistic', /all rows are of one class/],
    [
      'the other class only',
      { labels: new Float32Array(4).fill(1) },
      'logistic',
      /all rows are of one class/,
    ],
    [
      'a class without weight',
      { weights: Float32Array.of(0, 1, 0, 1) },
      'logistic',
      /all rows are of one class/,
    ],
    ...(['lambdamart', 'yetirank'] as const).flatMap((loss) => [
      ['a grade beyond 31', { labels: rows.labels.with(2, 32) }, loss, /the label of row 2 is 32/] as const,
      ['a negative grade', { labels: rows.labels.with(2, -1) }, loss, /the label of row 2 is -1/] as const,
      ['half a grade', { labels: rows.labels.with(2, 0.5) }, loss, /the label of row 2 is 0.5/] as const,
      [
        'groups of one alone',
        { groups: Int32Array.of(0, 1, 2, 3, 4) },
        loss,
        /no group has rows with different labels/,
      ] as const,
      [
        'equal labels in each group',
        { labels: Float32Array.of(1, 1, 0, 0) },
        loss,
        /no group has rows/,
      ] as const,
      [
        'groups that end early',
        { groups: Int32Array.of(0, 2) },
        loss,
        /the starts of groups do not cover the rows/,
      ] as const,
      ['groups that start late', { groups: Int32Array.of(1, 4) }, loss, /the starts of groups/] as const,
      ['an empty group', { groups: Int32Array.of(0, 2, 2, 4) }, loss, /the starts of groups/] as const,
    ]),
  ];
  for (const [name, change, loss, message] of refused) {
    test(`${name} (${loss})`, () =>
      assert.rejects(fitTrees({ ...rows, ...change }, { loss }), {
        name: 'InputError',
        code: 'MR_MODEL_DATA',
        message,
      }));
  }

  test('no groups, where a loss ranks', async () => {
    const { groups, ...ungrouped } = rows;
    assert.equal(groups?.length, 3);
    await assert.rejects(fitTrees(ungrouped, { loss: 'yetirank' }), {
      code: 'MR_MODEL_DATA',
      message: /no groups/,
    });
  });

  test('validation rows that are wrong, or have other columns', async () => {
    const bad = { ...rows, labels: rows.labels.with(0, 7) };
    await assert.rejects(fitTrees(rows, { loss: 'logistic' }, { validation: bad }), {
      code: 'MR_MODEL_DATA',
    });
    const other = {
      ...rows,
      columns: [{ name: 'cost' }, { name: 'genre', categories: ['drama', 'comedy'] }],
    };
    const refusal = { code: 'MR_MODEL_DATA', message: /other columns/ };
    await assert.rejects(fitTrees(rows, { loss: 'logistic' }, { validation: other }), refusal);
    const regrouped = {
      ...rows,
      columns: [{ name: 'price' }, { name: 'genre', categories: ['comedy', 'drama'] }],
    };
    await assert.rejects(fitTrees(rows, { loss: 'logistic' }, { validation: regrouped }), refusal);
  });
});

suite('options that trees refuse', () => {
  const refused: readonly (readonly [name: string, value: unknown])[] = [
    ['loss', 'hinge'],
    ['trees', 0],
    ['trees', 1.5],
    ['leaves', 1],
    ['depth', -1],
    ['learningRate', 0],
    ['learningRate', Number.NaN],
    ['minRows', 0],
    ['minHessian', -1],
    ['regularisation', -1],
    ['rowShare', 0],
    ['rowShare', 1.1],
    ['columnShare', 0],
    ['bins', 1],
    ['bins', 256],
    ['maxCategories', 0],
    ['categorySmoothing', -1],
    ['categoryRegularisation', -1],
    ['monotone', { cost: 1 }],
    ['monotone', { genre: 1 }],
    ['monotone', { price: 2 }],
  ];
  for (const [name, value] of refused) {
    test(`${name}: ${JSON.stringify(value)}`, () =>
      assert.rejects(fitTrees(rows, { loss: 'squared', [name]: value } as TreeOptions), {
        name: 'ConfigurationError',
        code: 'MR_MODEL_CONFIG',
        message: new RegExp(name),
      }));
  }
});

suite('rows that trees take as they are', () => {
  for (const loss of Object.keys(losses) as LossName[]) {
    test(`constant and wholly missing columns split nothing (${loss})`, async () => {
      const values = new Float32Array(80).fill(3);
      for (let row = 0; row < 40; row++) values[2 * row + 1] = Number.NaN;
      const labels = Float32Array.from({ length: 40 }, (_, row) => row % 2);
      const columns = [{ name: 'constant' }, { name: 'missing' }];
      const flat = { columns, rows: 40, values, labels, groups: Int32Array.of(0, 20, 40) };
      const { ensemble } = await fitTrees(flat, { loss, trees: 3, minRows: 1 });
      assert.deepEqual([...ensemble.column], [-1, -1, -1]);
      assert.equal(new Set(scoresOf(ensemble, flat)).size, 1);
    });
  }

  test('equal labels give their mean, without a split', async () => {
    const labels = new Float32Array(200).fill(0.1);
    const equal = { ...randomRows(seededRandom(1), { rows: 200, numeric: 3, categorical: 1 }), labels };
    const { ensemble } = await fitTrees(equal, { loss: 'squared', trees: 3, minRows: 1 });
    assert.deepEqual([...ensemble.column], [-1, -1, -1]);
    assert.ok(scoresOf(ensemble, equal).every((score) => Math.abs(score - Math.fround(0.1)) < 1e-12));
  });

  test('a group of one teaches nothing, beside others', async () => {
    for (const loss of ['lambdamart', 'yetirank'] as const) {
      const plain = randomRows(seededRandom(2), { rows: 61, numeric: 3 });
      const labels = plain.labels.map((label) => Math.floor(label) % 4);
      const paired = { ...plain, labels, groups: Int32Array.of(0, 30, 60, 61) };
      const { ensemble } = await fitTrees(paired, { loss, trees: 5, minRows: 1 });
      const changed = { ...paired, labels: labels.with(60, 31) };
      assert.deepEqual((await fitTrees(changed, { loss, trees: 5, minRows: 1 })).ensemble, ensemble);
    }
  });

  test('a million categories: frequent ones are told apart, rare ones stay together', async () => {
    const categories = Array.from({ length: 1_000_000 }, (_, i) => `item ${i}`);
    const random = seededRandom(3);
    const frequent = 100;
    const many = 20_000;
    const values = new Float32Array(many);
    const labels = new Float32Array(many);
    for (let row = 0; row < many; row++) {
      const isFrequent = row % 2 === 0;
      const category = isFrequent ? 9_999 * random.integer(frequent) : random.integer(categories.length);
      values[row] = category;
      labels[row] = isFrequent ? Math.floor(category / 9_999) % 2 : 0.5;
    }
    const items = { columns: [{ name: 'item', categories }], rows: many, values, labels };
    const { ensemble } = await fitTrees(items, {
      loss: 'squared',
      trees: 20,
      maxCategories: 64,
      learningRate: 0.5,
    });
    const shown = { ...items, rows: 4, values: Float32Array.of(9_999, 2 * 9_999, 7, Number.NaN) };
    const [odd = 0, even = 0, rare = 0] = scoresOf(ensemble, shown);
    assert.ok(
      Math.abs(odd - 1) < 0.1 && Math.abs(even) < 0.1 && Math.abs(rare - 0.5) < 0.1,
      `${odd} ${even} ${rare}`,
    );
  });

  test('the largest and the smallest values keep their order', async () => {
    const values = Float32Array.of(-3.4e38, -1e-45, 0, 1e-45, 3.4e38, 3.4028235e38);
    const labels = Float32Array.of(0, 1, 2, 3, 4, 5);
    const extreme = { columns: [{ name: 'x' }], rows: 6, values, labels };
    const { ensemble } = await fitTrees(extreme, { loss: 'squared', trees: 1, minRows: 1, learningRate: 1 });
    scoresOf(ensemble, extreme).forEach((score, row) => {
      assert.ok(Math.abs(score - row) < 1e-12, `row ${row}: ${score}`);
    });
  });
});
